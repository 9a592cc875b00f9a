/** IPv6 addresses as 128-bit unsigned bigints, and networks of them. */
import { formatIpv4, parseIpv4 } from './ipv4.ts';

export type Ipv6 = bigint;

export interface Ipv6Cidr {
  readonly address: Ipv6;
  /** Prefix length, 0 to 128. */
  readonly length: number;
}

/** Any text form of RFC 4291 §2.2 (compressed, IPv4 tail), no zone; undefined when it is none. */
export function parseIpv6(text: string): Ipv6 | undefined {
  if (text.length > 45) return undefined;
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [left, right] = halves.map((half, index) => parseGroups(half, index === halves.length - 1));
  if (left === undefined) return undefined;
  if (halves.length === 1) return left.length === 8 ? joinGroups(left) : undefined;
  if (right === undefined) return undefined;
  const zeros = 8 - left.length - right.length;
  return zeros < 1 ? undefined : joinGroups([...left, ...Array<number>(zeros).fill(0), ...right]);
}

function parseGroups(text: string, last: boolean): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [index, part] of parts.entries()) {
    const tail = last && index === parts.length - 1 ? parseIpv4(part) : undefined;
    if (tail !== undefined) groups.push(tail >>> 16, tail & 0xffff);
    else if (/^[\da-f]{1,4}$/i.test(part)) groups.push(Number.parseInt(part, 16));
    else return undefined;
  }
  return groups;
}

function joinGroups(groups: readonly number[]): Ipv6 {
  return groups.reduce((address, group) => (address << 16n) | BigInt(group), 0n);
}

/** Canonical text of RFC 5952: lower case, the first longest run of zero groups compressed, mapped IPv4 in dotted form. */
export function formatIpv6(address: Ipv6): string {
  if (address >> 32n === 0xffffn) return `::ffff:${formatIpv4(Number(address & 0xffffffffn))}`;
  const groups = Array.from({ length: 8 }, (_, index) => Number((address >> BigInt(112 - 16 * index)) & 0xffffn));
  let start = 0;
  let length = 0;
  for (let from = 0; from < 8; from++) {
    let to = from;
    while (groups[to] === 0) to++;
    if (to - from > length) [start, length] = [from, to - from];
  }
  const hex = groups.map((group) => group.toString(16));
  if (length < 2) return hex.join(':');
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`;
}

/** `fd00:12::1/56`, host bits kept; undefined when it is no IPv6 CIDR. */
export function parseIpv6Cidr(text: string): Ipv6Cidr | undefined {
  const match = /^([\da-fA-F:.]+)\/(\d{1,3})$/.exec(text);
  const address = parseIpv6(match?.[1] ?? '');
  const length = Number(match?.[2]);
  if (address === undefined || !(length <= 128)) return undefined;
  return { address, length };
}

export function formatIpv6Cidr(cidr: Ipv6Cidr): string {
  return `${formatIpv6(cidr.address)}/${cidr.length}`;
}

/** Number of addresses in a network of that prefix length. */
export function ipv6CidrSize(length: number): bigint {
  return 1n << BigInt(128 - length);
}

/** The same network with its host bits cleared. */
export function maskIpv6Cidr(cidr: Ipv6Cidr): Ipv6Cidr {
  const hostBits = BigInt(128 - cidr.length);
  return { address: (cidr.address >> hostBits) << hostBits, length: cidr.length };
}

export function lastIpv6Of(cidr: Ipv6Cidr): Ipv6 {
  return maskIpv6Cidr(cidr).address + ipv6CidrSize(cidr.length) - 1n;
}

export function ipv6CidrContains(cidr: Ipv6Cidr, address: Ipv6): boolean {
  return maskIpv6Cidr(cidr).address <= address && address <= lastIpv6Of(cidr);
}

export function ipv6CidrsOverlap(a: Ipv6Cidr, b: Ipv6Cidr): boolean {
  return maskIpv6Cidr(a).address <= lastIpv6Of(b) && maskIpv6Cidr(b).address <= lastIpv6Of(a);
}
