/**
 * Whether a host is reached without a gateway, as the kernel's route lookup in table main would say: the longest route that
 * contains its address has a single way, no gateway, and goes over the underlay. Pure. Policy routing is not looked at.
 */
import type { HostRoute } from '#agent/kernel/state.ts';
import { cidrContains, type Ip } from '#model/ip.ts';

/** Answers for one set of routes; asked once for each peer. */
export function directRoutes(hostRoutes: readonly HostRoute[], underlayIndex: number): (host: Ip) => boolean {
  const longestFirst = hostRoutes.toSorted((a, b) => b.destination.length - a.destination.length);
  return (host) => {
    const way = longestFirst.find(({ destination }) => cidrContains(destination, host));
    return way !== undefined && way.gateway === undefined && way.linkIndex === underlayIndex;
  };
}
