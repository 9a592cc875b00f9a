/**
 * Whether a host is reached without a gateway, as the kernel's route lookup in table main would say: the longest route that
 * contains its address has a single way, no gateway, and goes over the underlay. Pure. Policy routing is not looked at.
 */
import type { HostRoute } from '#agent/kernel/state.ts';
import { cidrKey, FAMILIES, familyOf, type Ip, maskCidr } from '#model/ip.ts';

/** Answers for one set of routes, in the kernel's order; asked once for each peer, so it costs a look per prefix length. */
export function directRoutes(hostRoutes: readonly HostRoute[], underlayIndex: number): (host: Ip) => boolean {
  const ways = new Map<number | bigint, HostRoute>();
  for (const route of hostRoutes) {
    const key = cidrKey(route.destination);
    // Of routes to one network the first has the lowest metric.
    if (!ways.has(key)) ways.set(key, route);
  }
  const lengths = Object.fromEntries(
    FAMILIES.map((family) => {
      const own = hostRoutes.filter(({ destination }) => familyOf(destination.address) === family);
      return [family, [...new Set(own.map(({ destination }) => destination.length))].sort((a, b) => b - a)];
    }),
  );
  return (address) => {
    for (const length of lengths[familyOf(address)] ?? []) {
      const way = ways.get(cidrKey(maskCidr({ address, length })));
      if (way !== undefined) return way.gateway === undefined && way.linkIndex === underlayIndex;
    }
    return false;
  };
}
