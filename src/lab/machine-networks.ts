/** The IPv4 networks that this machine's own interfaces are in. */
import { networkInterfaces } from 'node:os';
import { parseIpv4Cidr } from '#model/cidr.ts';
import type { TakenNetwork } from './surroundings.ts';

export function machineNetworks(): readonly TakenNetwork[] {
  const taken: TakenNetwork[] = [];
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    for (const address of addresses ?? []) {
      const network = address.family === 'IPv4' && address.cidr !== null ? parseIpv4Cidr(address.cidr) : undefined;
      if (network !== undefined) taken.push({ network, owner: `this machine's ${name}` });
    }
  }
  return taken;
}
