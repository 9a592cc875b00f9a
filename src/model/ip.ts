/**
 * Addresses and networks of either family. The type of an address is its family: IPv4 is a number, IPv6 a bigint, so that
 * dual stack is more values of the same kind and IPv4 costs what it did alone. A number and a bigint are never equal.
 */
import { type Ipv4Cidr, isInIpv4Prefix, lastIpv4Of, maskIpv4Cidr, parseIpv4Cidr } from './cidr.ts';
import { formatIpv4, type Ipv4, parseIpv4 } from './ipv4.ts';
import { formatIpv6, type Ipv6, ipv6CidrContains, lastIpv6Of, maskIpv6Cidr, parseIpv6, parseIpv6Cidr } from './ipv6.ts';

export type Ip = Ipv4 | Ipv6;

/** An address and a prefix length of its family; Ipv4Cidr and Ipv6Cidr are such. */
export interface Cidr {
  readonly address: Ip;
  readonly length: number;
}

/** As they are named in network documents, leases and flags: `ipv4`, `ipv6`. */
export type Family = 'ipv4' | 'ipv6';

export const FAMILIES: readonly Family[] = ['ipv4', 'ipv6'];

export function familyOf(address: Ip): Family {
  return typeof address === 'number' ? 'ipv4' : 'ipv6';
}

/** Bits of an address: 32 or 128, the prefix length of a single one. */
export function addressBits(address: Ip): 32 | 128 {
  return typeof address === 'number' ? 32 : 128;
}

export function isIpv4Cidr(cidr: Cidr): cidr is Ipv4Cidr {
  return typeof cidr.address === 'number';
}

/** An address of either family; undefined when it is none. */
export function parseIp(text: string): Ip | undefined {
  return parseIpv4(text) ?? parseIpv6(text);
}

export function formatIp(address: Ip): string {
  return typeof address === 'number' ? formatIpv4(address) : formatIpv6(address);
}

/** A network of either family, host bits kept; undefined when it is none. */
export function parseCidr(text: string): Cidr | undefined {
  return parseIpv4Cidr(text) ?? parseIpv6Cidr(text);
}

export function formatCidr(cidr: Cidr): string {
  return `${formatIp(cidr.address)}/${cidr.length}`;
}

/** The same network with its host bits cleared. */
export function maskCidr({ address, length }: Cidr): Cidr {
  return typeof address === 'number' ? maskIpv4Cidr({ address, length }) : maskIpv6Cidr({ address, length });
}

export function lastIpOf({ address, length }: Cidr): Ip {
  return typeof address === 'number' ? lastIpv4Of({ address, length }) : lastIpv6Of({ address, length });
}

/** Whether the address is in the network; one of the other family never is. */
export function cidrContains({ address: base, length }: Cidr, address: Ip): boolean {
  if (typeof base === 'number') return typeof address === 'number' && isInIpv4Prefix(base, length, address);
  return typeof address === 'bigint' && ipv6CidrContains({ address: base, length }, address);
}

/** Whether all of `inner` is in `outer`; the network itself is. */
export function cidrEncloses(outer: Cidr, inner: Cidr): boolean {
  return inner.length >= outer.length && cidrContains(outer, inner.address);
}

export function cidrsOverlap(a: Cidr, b: Cidr): boolean {
  return a.length <= b.length ? cidrContains(a, b.address) : cidrContains(b, a.address);
}

export function sameCidr(a: Cidr, b: Cidr): boolean {
  return a.length === b.length && a.address === b.address;
}

/** A key for maps: the same for equal networks of one family, and never the same for both families. */
export function cidrKey(cidr: Cidr): number | bigint {
  const { address, length } = cidr;
  return typeof address === 'number' ? address * 64 + length : (address << 8n) | BigInt(length);
}
