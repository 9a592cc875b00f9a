/** Whether two leases claim the same addresses, in whole or in part. */
import { cidrsOverlap, FAMILIES, type Family } from '#model/ip.ts';
import type { Lease } from '#model/lease.ts';
import type { SubnetKey } from '#model/subnet-key.ts';
import type { LeaseStore } from './store.ts';

export function subnetsOverlap(a: SubnetKey, b: SubnetKey): boolean {
  return FAMILIES.some((family) => partsOverlap(a, b, family));
}

export function partsOverlap(a: SubnetKey, b: SubnetKey, family: Family): boolean {
  const [one, other] = [a[family], b[family]];
  return one !== undefined && other !== undefined && cidrsOverlap(one, other);
}

/**
 * Whether an older lease overlaps ours. The key of a dual-stack lease names both subnets, so create-if-absent alone lets
 * two hosts get the same IPv4 subnet with different IPv6 ones (D-08).
 */
export async function isContested(store: LeaseStore, own: Lease): Promise<boolean> {
  if (own.subnet.ipv4 === undefined || own.subnet.ipv6 === undefined) return false;
  const { leases } = await store.list();
  return leases.some((other) => other.created < own.created && subnetsOverlap(other.subnet, own.subnet));
}
