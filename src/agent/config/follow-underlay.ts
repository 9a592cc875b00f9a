/**
 * Follows the interface that was chosen once: its address, MTU or index changing at run time gives a new underlay; the
 * interface itself is never exchanged for another one. Pure.
 */
import type { Underlay } from '#agent/backends/backend.ts';
import type { ObservedAddress, ObservedLink } from '#agent/kernel/state.ts';
import type { Ip } from '#model/ip.ts';
import { type UnderlayRequest, underlayOn } from './choose-underlay.ts';

/**
 * The underlay as it is now; the same object when nothing changed. While the interface is gone or has no usable address
 * the last one holds: it may come back as it was, and nothing better is known. The link-local IPv6 address that stays
 * behind when the global one goes is no usable one, else a moment without it would take the host's IPv6 for good.
 */
export function followUnderlay(
  current: Underlay,
  request: UnderlayRequest,
  links: readonly ObservedLink[],
  addresses: readonly ObservedAddress[],
): Underlay {
  const link = links.find(({ name }) => name === current.name);
  if (link === undefined || link.mtu === 0) return current;
  // An address that is still there stays ours, also when another one is added that would have been preferred.
  const held: readonly Ip[] = [current.ipv4, current.ipv6].flatMap((each) => each?.address ?? []);
  const now = underlayOn(link, held, request, addresses);
  return typeof now === 'string' || isSame(current, now) ? current : now;
}

function isSame(a: Underlay, b: Underlay): boolean {
  return (
    a.index === b.index && a.mtu === b.mtu && a.ipv4?.address === b.ipv4?.address && a.ipv6?.address === b.ipv6?.address
  );
}
