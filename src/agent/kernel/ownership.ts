/**
 * Ownership: what in the kernel is ours, so that it is removed when no lease explains it. Pure.
 *
 * - Devices by name, and what stands on them: permanent neighbours and FDB entries, single addresses, nexthop objects of
 *   protocol boot, and routes of protocol boot without a metric (as flannel writes them).
 * - On the underlay, which is not ours: only plain routes of that same protocol and metric, through a gateway, that lead
 *   to a subnet of the fabric's own network, with exactly the length that the network's subnets have. They are what
 *   host-gw and DirectRouting leave, and flannel before us. The gateway is not compared with the leases: a peer that left
 *   while no agent ran is in none of them, and its route is the one that must go (D-12).
 * - Blackholes with that protocol and metric, of such a subnet, when the operator asked for them.
 *
 * A route with another protocol (`proto static`) or a metric, outside the network, of another length, with several
 * gateways or through another interface is never touched.
 */
import { type Cidr, cidrEncloses, type Family, isIpv4Cidr } from '#model/ip.ts';
import type { RouteEntry } from './state.ts';

export interface Ownership {
  /** Names of the devices that are ours. */
  readonly devices: readonly string[];
  /** Name of the interface between the hosts. */
  readonly underlay: string;
  /** The fabric's network for each family that it has. */
  readonly networks: readonly OwnNetwork[];
  /** Whether blackholes of our subnets are ours. */
  readonly blackholes: boolean;
  /** Whether the host's own routes must be observed too. */
  readonly hostRoutes: boolean;
}

export interface OwnNetwork {
  readonly network: Cidr;
  readonly subnetLength: number;
}

export function ownFamilies({ networks }: Ownership): readonly Family[] {
  return networks.map(({ network }) => (isIpv4Cidr(network) ? 'ipv4' : 'ipv6'));
}

/** Whether a route of protocol boot without a metric is ours by where it leads: to one of the fabric's subnets. */
export function leadsToSubnet({ networks }: Ownership, destination: Cidr): boolean {
  return networks.some(
    ({ network, subnetLength }) => destination.length === subnetLength && cidrEncloses(network, destination),
  );
}

/** Whether an observed route may be removed when nobody wants it. */
export function mayRemove(ownership: Ownership, route: RouteEntry): boolean {
  if (route.type !== 'blackhole' && ownership.devices.includes(route.device)) return true;
  return leadsToSubnet(ownership, route.destination);
}
