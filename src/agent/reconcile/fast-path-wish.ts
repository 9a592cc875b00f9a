/** What the fast path is to serve, from what the core knows; undefined before routes and lease stand. Pure. */
import type { Ipv4Cidr } from '#model/cidr.ts';
import { isIpv4Cidr } from '#model/ip.ts';
import type { CoreState } from './state.ts';

/** Where the fast path leads. */
export interface FastPathFabric {
  readonly network: Ipv4Cidr;
  /** This host's own. */
  readonly subnet: Ipv4Cidr;
  /** Name of the VXLAN device. */
  readonly device: string;
}

/** Or why this network cannot have one. */
export type FastPathWish = FastPathFabric | { readonly refused: string };

export function fastPathWish({
  network,
  own,
  programmed,
}: Pick<CoreState, 'network' | 'own' | 'programmed'>): FastPathWish | undefined {
  if (network === undefined || own === undefined || !programmed) return undefined;
  const { type } = network.config.backend;
  if (type !== 'vxlan') return { refused: `it is for the backend vxlan, and this network's is ${type}` };
  // Devices stand in the order of the families, IPv4 first.
  const [device] = network.backend.devices;
  const subnet = own.subnet.ipv4;
  if (network.config.ipv4 === undefined || subnet === undefined || !isIpv4Cidr(subnet) || device === undefined) {
    return { refused: 'it is for IPv4, which this network does not have' };
  }
  return { network: network.config.ipv4.network, subnet, device };
}
