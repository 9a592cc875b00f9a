/**
 * What makes two entries of a kind the same object to the kernel. Numbers where one device is all there is to tell apart,
 * since ten thousand strings are not free.
 */
import type { AddressEntry, FdbEntry, NeighborEntry, NexthopEntry, RouteEntry } from './state.ts';

export const addressKey = (entry: AddressEntry): string => `${entry.device} ${entry.address}/${entry.length}`;
export const neighborKey = (entry: NeighborEntry): number => entry.address;
export const fdbKey = (entry: FdbEntry): string => entry.mac;
export const nexthopKey = (entry: NexthopEntry): number => entry.id;
export const routeKey = (entry: RouteEntry): number => entry.destination.address * 64 + entry.destination.length;
