/**
 * What makes two entries of a kind the same object to the kernel. Numbers (bigints for IPv6) where the entry alone is all
 * there is to tell apart, since ten thousand strings are not free: two devices never share a peer's MAC or gateway
 * address in one family.
 */
import { cidrKey } from '#model/ip.ts';
import type { AddressEntry, FdbEntry, NeighborEntry, NexthopEntry, RouteEntry } from './state.ts';

type Key = string | number | bigint;

export const addressKey = (entry: AddressEntry): string => `${entry.device} ${entry.address}/${entry.length}`;
export const neighborKey = (entry: NeighborEntry): Key => entry.address;
export const fdbKey = (entry: Pick<FdbEntry, 'mac' | 'destination'>): Key =>
  typeof entry.destination === 'number' ? entry.mac : `${entry.mac} ipv6`;
export const nexthopKey = (entry: NexthopEntry): number => entry.id;
export const routeKey = (entry: RouteEntry): Key => cidrKey(entry.destination);
