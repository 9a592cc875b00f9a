/**
 * Ownership: what in the kernel is ours, so that it is removed when no lease explains it. Pure.
 *
 * - Devices by name, and what stands on them: permanent neighbours and FDB entries, single addresses, nexthop objects of
 *   protocol boot, and routes of protocol boot without a metric (as flannel writes them).
 * - On the underlay, which is not ours: only plain routes of that same protocol and metric, through a gateway, that lead
 *   to a subnet of the fabric's own network, with exactly the length that the network's subnets have. They are what
 *   host-gw and DirectRouting leave, and flannel before us. The gateway is not compared with the leases: a peer that left
 *   while no agent ran is in none of them, and its route is the one that must go (D-12).
 * - On a device that another backend made (it has one of their names): such plain routes, and their nexthop objects, that
 *   lead to one of the fabric's subnets or to the whole network. Left there they would beat the routes of now, past the
 *   encryption even. The devices themselves stay.
 * - Neither of these where the operator makes the routes (alloc, extension): such a device may be the operator's too.
 * - Blackholes with that protocol and metric, of such a subnet, when the operator asked for them.
 *
 * A route with another protocol (`proto static`) or a metric, outside the network, of another length, with several
 * gateways or through another interface is never touched.
 */
import { type Cidr, cidrEncloses, type Family, isIpv4Cidr, maskCidr, sameCidr } from '#model/ip.ts';
import type { RouteEntry } from './state.ts';

export interface Ownership {
  /** Names of the devices that are ours. */
  readonly devices: readonly string[];
  /** Name of the interface between the hosts. */
  readonly underlay: string;
  /** Whose the routes over the underlay and over former devices are, when they lead into the network. */
  readonly underlayRoutes: 'ours' | 'operators';
  /** The fabric's network for each family that it has. */
  readonly networks: readonly OwnNetwork[];
  /** Whether blackholes of our subnets are ours. */
  readonly blackholes: boolean;
  /** Whether the host's own routes must be observed too. */
  readonly hostRoutes: boolean;
  /** Paths of the sysctls that the fabric needs, below /proc/sys; absent: none are looked at. */
  readonly sysctls?: readonly string[];
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

/** Names of the devices of all backends, flannel's too. */
const FABRIC_DEVICE = /^(flannel(-v6)?\.\d+|flannel\.ipip|flannel0|flannel-wg(-v6)?)$/;

/** Whether a device of that name is one that another backend left. */
export function isFormerDevice({ devices, underlay, underlayRoutes }: Ownership, name: string): boolean {
  return underlayRoutes === 'ours' && name !== underlay && !devices.includes(name) && FABRIC_DEVICE.test(name);
}

/** Whether a route over a former device is ours by where it leads: to one of the fabric's subnets or to the whole network. */
export function leadsToFabric(ownership: Ownership, destination: Cidr): boolean {
  return leadsToSubnet(ownership, destination) || ownership.networks.some((own) => sameCidr(own.network, destination));
}

/** Whether a nexthop object on a former device is ours by its id: the address of one of the fabric's subnets (route-form.ts). */
export function isSubnetNexthop({ networks }: Ownership, id: number): boolean {
  return networks.some(({ network, subnetLength }) => {
    const subnet = { address: id, length: subnetLength };
    return isIpv4Cidr(network) && sameCidr(subnet, maskCidr(subnet)) && cidrEncloses(network, subnet);
  });
}

/** Whether an observed route may be removed when nobody wants it. */
export function mayRemove(ownership: Ownership, route: RouteEntry): boolean {
  if (route.type === 'blackhole') return leadsToSubnet(ownership, route.destination);
  if (ownership.devices.includes(route.device)) return true;
  if (isFormerDevice(ownership, route.device)) return leadsToFabric(ownership, route.destination);
  return ownership.underlayRoutes === 'ours' && leadsToSubnet(ownership, route.destination);
}
