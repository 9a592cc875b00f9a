/** IPv4 networks: an address and a prefix length. */
import { formatIpv4, type Ipv4, parseIpv4 } from './ipv4.ts';

export interface Ipv4Cidr {
  readonly address: Ipv4;
  /** Prefix length, 0 to 32. */
  readonly length: number;
}

/** `10.5.1.7/16`, host bits kept; undefined when it is no IPv4 CIDR. */
export function parseIpv4Cidr(text: string): Ipv4Cidr | undefined {
  const match = /^([\d.]+)\/(\d{1,2})$/.exec(text);
  const address = parseIpv4(match?.[1] ?? '');
  const length = Number(match?.[2]);
  if (address === undefined || !(length <= 32)) return undefined;
  return { address, length };
}

export function formatIpv4Cidr(cidr: Ipv4Cidr): string {
  return `${formatIpv4(cidr.address)}/${cidr.length}`;
}

/** Number of addresses in a network of that prefix length (2^32 for length 0). */
export function ipv4CidrSize(length: number): number {
  return 2 ** (32 - length);
}

/** The same network with its host bits cleared. */
export function maskIpv4Cidr(cidr: Ipv4Cidr): Ipv4Cidr {
  const size = ipv4CidrSize(cidr.length);
  return { address: Math.floor(cidr.address / size) * size, length: cidr.length };
}

export function lastIpv4Of(cidr: Ipv4Cidr): Ipv4 {
  return maskIpv4Cidr(cidr).address + ipv4CidrSize(cidr.length) - 1;
}

export function ipv4CidrContains(cidr: Ipv4Cidr, address: Ipv4): boolean {
  return isInIpv4Prefix(cidr.address, cidr.length, address);
}

/** Whether both addresses begin with the same `length` bits: asked a few times for each pair of ten thousand leases. */
export function isInIpv4Prefix(base: Ipv4, length: number, address: Ipv4): boolean {
  // A shift by 32 is one by 0.
  return length === 0 || base >>> (32 - length) === address >>> (32 - length);
}

export function ipv4CidrsOverlap(a: Ipv4Cidr, b: Ipv4Cidr): boolean {
  return maskIpv4Cidr(a).address <= lastIpv4Of(b) && maskIpv4Cidr(b).address <= lastIpv4Of(a);
}
