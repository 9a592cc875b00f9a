/**
 * How routes are written: plainly, as flannel does, or, in a large fleet, each through a nexthop object of its own. Classic
 * routes that share a device cost the kernel O(n²): 10,000 of them take 1.2 s, with nexthop objects 0.1 s
 * (docs/decisions/0007). Pure.
 */
import type { NexthopEntry, Observed, RouteEntry } from './state.ts';

/** From this many routes on nexthop objects are used; they are given up again below the second figure. */
export const NEXTHOPS_FROM_ROUTES = 512;
const PLAIN_BELOW_ROUTES = 384;

export interface WrittenRoutes {
  readonly routes: readonly RouteEntry[];
  readonly nexthops: readonly NexthopEntry[];
}

export function writtenRoutes(routes: readonly RouteEntry[], observed: Observed): WrittenRoutes {
  const threshold = observed.nexthops.length > 0 ? PLAIN_BELOW_ROUTES : NEXTHOPS_FROM_ROUTES;
  if (routes.length < threshold) return { routes, nexthops: [] };
  return {
    routes: routes.map((route) => ({ ...route, nexthop: nexthopId(route) })),
    nexthops: routes.map((route) => ({ id: nexthopId(route), device: route.device, gateway: route.gateway })),
  };
}

/** The subnet's base address: unique among our routes, and the same after a restart. */
function nexthopId(route: RouteEntry): number {
  return route.destination.address;
}
