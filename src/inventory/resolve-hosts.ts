/** What is said for all and what is said for one, brought together per host. Pure. */
import { parseIpv4Cidr } from '#model/cidr.ts';
import { formatIp, type Ip } from '#model/ip.ts';
import { parseIpv6Cidr } from '#model/ipv6.ts';
import { type SubnetKey, subnetKeyOf } from '#model/subnet-key.ts';
import type { HostDocument } from './document/hosts.ts';
import type { InventoryDocument } from './document/inventory-shape.ts';
import { resolvePaths } from './document/paths.ts';
import type { InventoryHost, SshTarget } from './inventory.ts';

export function resolveHost(host: HostDocument, document: InventoryDocument): InventoryHost {
  const { name, address, secondAddress, roles, aliases, labels } = host;
  const carrier = host.interface ?? document.network.interface;
  const subnet = hostSubnet(host);
  return {
    name,
    address,
    ...(secondAddress !== undefined && { secondAddress }),
    roles,
    ssh: resolveSsh(host, document),
    ...(carrier !== undefined && { interface: carrier }),
    aliases,
    labels,
    ...(subnet !== undefined && { subnet }),
    paths: resolvePaths(document.paths.preset, document.paths.given, host.paths),
  };
}

/** The subnet that is reserved for a host. */
export function hostSubnet({ subnet, subnetIpv6 }: HostDocument): SubnetKey | undefined {
  return subnetKeyOf({
    ipv4: subnet === undefined ? undefined : parseIpv4Cidr(subnet),
    ipv6: subnetIpv6 === undefined ? undefined : parseIpv6Cidr(subnetIpv6),
  });
}

function resolveSsh({ ssh: own, address }: HostDocument, { ssh: fleet }: InventoryDocument): SshTarget {
  const port = own.port ?? fleet.port;
  const jump = own.jump ?? fleet.jump;
  const identityFile = own.identityFile ?? fleet.identityFile;
  return {
    destination: own.name ?? formatIp(address),
    user: own.user ?? fleet.user,
    ...(port !== undefined && { port }),
    ...(jump !== undefined && { jump }),
    ...(fleet.config !== undefined && { config: fleet.config }),
    ...(identityFile !== undefined && { identityFile }),
    connectTimeoutSeconds: fleet.connectTimeoutSeconds,
  };
}

/** VRRP priorities by index of the host: written ones, and 101, 99, 97 … for the others in their order. */
export function balancerPriorities(hosts: readonly HostDocument[]): ReadonlyMap<number, number> {
  const priorities = new Map<number, number>();
  let next = 101;
  hosts.forEach(({ roles, priority }, index) => {
    if (!roles.includes('loadbalancer')) return;
    priorities.set(index, priority ?? next);
    next -= 2;
  });
  return priorities;
}

/** `https://10.0.0.1:2379`, `https://[fd00::1]:2379`. */
export function httpsUrl(address: Ip, port: number): string {
  const text = formatIp(address);
  return `https://${typeof address === 'number' ? text : `[${text}]`}:${port}`;
}
