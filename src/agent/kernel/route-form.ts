/**
 * How routes are written: plainly, as flannel does, or, in a large fleet, each through a nexthop object of its own. Classic
 * IPv4 routes that share a device cost the kernel O(n²): 10,000 of them take 1.2 s, with nexthop objects 0.1 s
 * (docs/decisions/0007). IPv6 routes do not: 10,000 plain ones take 0.1 s, so they stay plain. Pure.
 */
import type { GatewayRoute, NexthopEntry, Observed, RouteEntry } from './state.ts';

/** From this many routes on nexthop objects are used; they are given up again below the second figure. */
export const NEXTHOPS_FROM_ROUTES = 512;
const PLAIN_BELOW_ROUTES = 384;

export interface WrittenRoutes {
  readonly routes: readonly RouteEntry[];
  readonly nexthops: readonly NexthopEntry[];
}

/** `devices` are ours: nexthop objects on a device of somebody else's could not be told from theirs. */
export function writtenRoutes(
  routes: readonly RouteEntry[],
  observed: Observed,
  devices: readonly string[],
): WrittenRoutes {
  const threshold = observed.nexthops.length > 0 ? PLAIN_BELOW_ROUTES : NEXTHOPS_FROM_ROUTES;
  if (routes.length < threshold) return { routes, nexthops: [] };
  const isShareable = (route: RouteEntry): route is GatewayRoute =>
    route.type === 'onlink' &&
    typeof route.destination.address === 'number' &&
    devices.includes(route.device) &&
    !observed.takenNexthops.has(route.destination.address);
  const shared = routes.filter(isShareable);
  if (shared.length < threshold) return { routes, nexthops: [] };
  return {
    routes: routes.map((route) => (isShareable(route) ? throughNexthop(route).route : route)),
    nexthops: shared.map((route) => throughNexthop(route).nexthop),
  };
}

interface ThroughNexthop {
  readonly route: GatewayRoute;
  readonly nexthop: NexthopEntry;
}

/** The form of a route that was wanted before is not made again. */
const KNOWN = new WeakMap<GatewayRoute, ThroughNexthop>();

function throughNexthop(route: GatewayRoute): ThroughNexthop {
  let known = KNOWN.get(route);
  if (known === undefined) {
    const id = nexthopId(route);
    known = { route: { ...route, nexthop: id }, nexthop: { id, device: route.device, gateway: route.gateway } };
    KNOWN.set(route, known);
  }
  return known;
}

/** The subnet's base address: unique among our routes, and the same after a restart. */
function nexthopId({ destination: { address } }: GatewayRoute): number {
  return Number(address);
}
