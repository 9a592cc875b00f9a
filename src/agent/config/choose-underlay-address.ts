/** Which addresses of an interface the fabric can use, best first (spec §3.3). Pure. */
import type { ObservedAddress } from '#agent/kernel/state.ts';
import { type Cidr, cidrContains, type Family, familyOf, type Ip, parseCidr } from '#model/ip.ts';

/** `own`: the addresses of one interface, in the kernel's order. */
export function bestAddress(own: readonly ObservedAddress[], family: Family): Ip | undefined {
  return usableAddresses(own, family)[0]?.address;
}

/** Global before link-local (IPv4 alone), permanent before dynamic, lasting before temporary, else the kernel's order. */
export function usableAddresses(own: readonly ObservedAddress[], family: Family): readonly ObservedAddress[] {
  return own
    .filter((entry) => familyOf(entry.address) === family && isUsable(entry))
    .toSorted((a, b) => rank(a) - rank(b));
}

const SCOPE_HOST = 254;

function isUsable({ address, scope, deprecated }: ObservedAddress): boolean {
  const carries = !isIpv6LinkLocal(address) && !NOT_UNICAST.some((cidr) => cidrContains(cidr, address));
  return !deprecated && scope !== SCOPE_HOST && carries;
}

/**
 * Such an address means nothing to other hosts, so that peers refuse it, and every interface has one before it has an
 * address of the network. One of IPv4 is there only because somebody wants it.
 */
export function isIpv6LinkLocal(address: Ip): boolean {
  return IPV6_LINK_LOCAL.some((cidr) => cidrContains(cidr, address));
}

function rank({ address, permanent, temporary }: ObservedAddress): number {
  const isLinkLocal = IPV4_LINK_LOCAL.some((cidr) => cidrContains(cidr, address));
  return (isLinkLocal ? 4 : 0) + (permanent ? 0 : 2) + (temporary ? 1 : 0);
}

const NOT_UNICAST = networks('0.0.0.0/32', '127.0.0.0/8', '224.0.0.0/4', '255.255.255.255/32', '::/127', 'ff00::/8');
const IPV4_LINK_LOCAL = networks('169.254.0.0/16');
const IPV6_LINK_LOCAL = networks('fe80::/10');

function networks(...texts: readonly string[]): readonly Cidr[] {
  return texts.map((text) => {
    const cidr = parseCidr(text);
    if (cidr === undefined) throw new Error(`not a network: ${text}`);
    return cidr;
  });
}
