/** Prefix: a network of either family as firewall rules use it: its text, and its first and last address as numbers. */
import { formatIpv4Cidr, type Ipv4Cidr, lastIpv4Of, maskIpv4Cidr } from '#model/cidr.ts';
import { formatIpv6Cidr, type Ipv6Cidr, lastIpv6Of, maskIpv6Cidr } from '#model/ipv6.ts';

export type Family = 'ipv4' | 'ipv6';

export const FAMILIES: readonly Family[] = ['ipv4', 'ipv6'];

export interface Prefix {
  readonly family: Family;
  /** Host bits cleared, as iptables and nft print it. */
  readonly text: string;
  readonly first: bigint;
  readonly last: bigint;
}

export function ipv4Prefix(cidr: Ipv4Cidr): Prefix {
  const masked = maskIpv4Cidr(cidr);
  const [first, last] = [BigInt(masked.address), BigInt(lastIpv4Of(masked))];
  return { family: 'ipv4', text: formatIpv4Cidr(masked), first, last };
}

export function ipv6Prefix(cidr: Ipv6Cidr): Prefix {
  const masked = maskIpv6Cidr(cidr);
  return { family: 'ipv6', text: formatIpv6Cidr(masked), first: masked.address, last: lastIpv6Of(masked) };
}

/** The multicast range, which is never masqueraded. */
export const MULTICAST: Readonly<Record<Family, Prefix>> = {
  ipv4: ipv4Prefix({ address: 0xe0000000, length: 4 }),
  ipv6: ipv6Prefix({ address: 0xff00n << 112n, length: 8 }),
};
