/** Is docker about to be given a subnet that this host already sends to another one? flannel's helper looks since 0.18. */

import { type Ipv4Cidr, parseIpv4Cidr } from '#model/cidr.ts';
import { formatCidr, maskCidr, sameCidr } from '#model/ip.ts';
import type { Route } from '#netlink/route.ts';
import { RTN_UNICAST } from '#netlink/route.ts';
import { Fault } from '#runtime/fault.ts';

/** Throws Fault `docker.subnet-routed` when one of the routes leads to just that subnet by way of another host. */
export function refuseRoutedSubnet(subnetText: string, routes: readonly Route[]): void {
  const subnet: Ipv4Cidr | undefined = parseIpv4Cidr(subnetText);
  if (subnet === undefined) return;
  const base = maskCidr(subnet);
  const taken = routes.some((route) => sameCidr(route.destination, base) && leadsToAnotherHost(route));
  if (!taken) return;
  throw new Fault('docker.subnet-routed', {
    what: `Your routing table already contains the subnet: ${formatCidr(base)}`,
    why: `ip route show ${formatCidr(base)} shows a route to it by way of another host`,
  });
}

/** Over a gateway, by nexthop object, or over several devices (then the route itself names none). */
function leadsToAnotherHost({ type, gateway, nexthop, linkIndex }: Route): boolean {
  return type === RTN_UNICAST && (gateway !== undefined || nexthop !== undefined || linkIndex === 0);
}
