/** Which of the kernel's routes are ours, and as which rows they are told (ownership.ts says why). Pure. */
import { type Cidr, cidrEncloses, isIpv4Cidr } from '#model/ip.ts';
import { RTPROT_BOOT } from '#netlink/message.ts';
import type { Nexthop } from '#netlink/nexthop.ts';
import { type Route, RT_SCOPE_LINK, RTN_UNICAST } from '#netlink/route.ts';
import { leadsToFabric, type Ownership } from './ownership.ts';
import type { RouteEntry } from './state.ts';

/** Metric of a route that is written without one. */
const NO_METRIC = { ipv4: 0, ipv6: 1024 } as const;

/** Protocol boot and no metric, as flannel writes routes. */
export function isPlain({ protocol, priority, destination }: Route): boolean {
  return protocol === RTPROT_BOOT && priority === NO_METRIC[isIpv4Cidr(destination) ? 'ipv4' : 'ipv6'];
}

/** RTPROT_RA of linux/rtnetlink.h. */
const RTPROT_RA = 9;

/** The default route that a router's advertisement gave. */
export function isAdvertisedDefault({ destination, protocol }: Route): boolean {
  return destination.length === 0 && protocol === RTPROT_RA;
}

/** A route over a device of ours, when it is one of those that we write; others an operator added. */
export function ownRoute(
  route: Route,
  device: string,
  gateways: ReadonlyMap<number, Nexthop>,
  ownership: Ownership,
): RouteEntry | undefined {
  if (!isPlain(route) || route.type !== RTN_UNICAST) return undefined;
  const { destination, nexthop } = route;
  const object = nexthop === undefined ? undefined : gateways.get(nexthop);
  const gateway = nexthop === undefined ? route.gateway : object?.gateway;
  if (gateway !== undefined) {
    const type = (object?.onlink ?? route.onlink) ? 'onlink' : 'gateway';
    const entry = { type, device, destination, gateway } as const;
    return nexthop === undefined ? entry : { ...entry, nexthop };
  }
  if (nexthop !== undefined || !isInside(ownership, destination)) return undefined;
  return { type: 'link', device, destination, scope: route.scope === RT_SCOPE_LINK ? 'link' : 'global' };
}

/** A route over a device that another backend left, when it leads where ours do. */
export function formerRoute(
  route: Route,
  device: string,
  gateways: ReadonlyMap<number, Nexthop>,
  ownership: Ownership,
): RouteEntry | undefined {
  return leadsToFabric(ownership, route.destination) ? ownRoute(route, device, gateways, ownership) : undefined;
}

/** A route over the underlay that is ours or stands where ours would (ownership.ts). */
export function underlayRoute(route: Route, ownership: Ownership): RouteEntry | undefined {
  const { destination, gateway, nexthop } = route;
  if (ownership.underlayRoutes === 'operators' || !isPlain(route) || gateway === undefined || nexthop !== undefined)
    return undefined;
  if (!isInside(ownership, destination)) return undefined;
  return { type: route.onlink ? 'onlink' : 'gateway', device: ownership.underlay, destination, gateway };
}

function isInside({ networks }: Ownership, destination: Cidr): boolean {
  return networks.some(({ network }) => cidrEncloses(network, destination));
}
