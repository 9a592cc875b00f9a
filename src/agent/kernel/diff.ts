/**
 * diff: the operations that turn what is there into what is wanted. Pure; nothing differs, nothing is written.
 *
 * A device that must be made or changed comes alone: the kernel drops neighbours when a MAC changes, so what stands on the
 * device is compared only after the device has been seen to be right.
 *
 * Otherwise what is too much goes first, routes before what they stand on; then what is missing comes, the route last, so
 * that the kernel never asks for a neighbour that is not there yet. A nexthop takes its routes along when it is
 * deleted, so it goes at the very end, when they have their new form.
 */
import { differentTunnel } from './device-compatibility.ts';
import { difference } from './difference.ts';
import { addressKey, fdbKey, neighborKey, nexthopKey, routeKey } from './entry-keys.ts';
import { mayRemove, type Ownership } from './ownership.ts';
import { writtenRoutes } from './route-form.ts';
import type {
  DesiredState,
  Device,
  EngineDevice,
  NexthopEntry,
  Observed,
  ObservedLink,
  Operation,
  RouteEntry,
} from './state.ts';

/** `ownership` is what `observed` was observed with. */
export function diff(desired: DesiredState, observed: Observed, ownership: Ownership): Operation[] {
  const devices = deviceOperations(desired, observed);
  return devices.length > 0 ? devices : entryOperations(desired, observed, ownership);
}

/** What the devices themselves need, whatever stands on them. */
export function deviceOperations(desired: DesiredState, observed: Observed): Operation[] {
  return desired.devices.flatMap((device) => oneDevice(device, observed));
}

export function isDeviceOperation(operation: Operation): boolean {
  return operation.type === 'device-add' || operation.type === 'device-delete' || operation.type === 'device-set';
}

/** What stands on the devices, which are right already. */
export function entryOperations(desired: DesiredState, observed: Observed, ownership: Ownership): Operation[] {
  return entryChange(desired, observed, ownership).operations;
}

/** Entries of the kinds of which there is one for each peer. */
export type PeerEntries = Pick<Observed, 'neighbors' | 'fdb' | 'nexthops' | 'routes'>;

/** The operations, and what stands for peers when all of them are done and nothing was too much that we may not remove. */
export function entryChange(
  desired: DesiredState,
  observed: Observed,
  ownership: Ownership,
): { readonly operations: Operation[]; readonly wanted: PeerEntries } {
  const written = writtenRoutes(desired.routes, observed, ownership.devices);
  const addresses = difference(desired.addresses, observed.ownAddresses, addressKey, () => true);
  const neighbors = difference(desired.neighbors, observed.neighbors, neighborKey, (a, b) => a.mac === b.mac);
  const fdb = difference(desired.fdb, observed.fdb, fdbKey, (a, b) => a.destination === b.destination);
  const nexthops = difference(written.nexthops, observed.nexthops, nexthopKey, sameNexthop);
  const routes = difference(written.routes, observed.routes, routeKey, sameRoute);

  const operations: Operation[] = [];
  for (const entry of routes.surplus) {
    if (mayRemove(ownership, entry)) operations.push({ type: 'route-delete', entry });
  }
  for (const entry of fdb.surplus) operations.push({ type: 'fdb-delete', entry });
  for (const entry of neighbors.surplus) operations.push({ type: 'neighbor-delete', entry });
  // The new address before the old one goes: without any, the kernel would clear the device of everything.
  for (const entry of addresses.missing) operations.push({ type: 'address-add', entry });
  for (const entry of addresses.surplus) operations.push({ type: 'address-delete', entry });
  for (const entry of neighbors.missing) operations.push({ type: 'neighbor-replace', entry });
  for (const entry of fdb.missing) operations.push({ type: 'fdb-replace', entry });
  for (const entry of nexthops.missing) operations.push({ type: 'nexthop-replace', entry });
  // Adding refuses a destination that another program has a route to; only our own is ever replaced.
  const ours = routes.missing.length === 0 ? undefined : new Set(observed.routes.map(routeKey));
  for (const entry of routes.missing)
    operations.push({ type: ours?.has(routeKey(entry)) === true ? 'route-replace' : 'route-add', entry });
  for (const entry of nexthops.surplus) operations.push({ type: 'nexthop-delete', entry });
  return { operations, wanted: { neighbors: desired.neighbors, fdb: desired.fdb, ...written } };
}

function oneDevice(device: Device, observed: Observed): Operation[] {
  const link = observed.links.find((candidate) => candidate.name === device.name);
  if (isEngineDevice(device)) return link === undefined ? [] : changedSettings(device.name, { mtu: device.mtu }, link);
  const why = link === undefined ? undefined : differentTunnel(device, link, observed.links);
  if (link !== undefined && why === undefined) {
    const { name, mtu } = device;
    return changedSettings(name, device.kind === 'vxlan' ? { mtu, mac: device.mac } : { mtu }, link);
  }
  const make: Operation[] = [
    { type: 'device-add', device },
    { type: 'device-set', name: device.name, up: true },
  ];
  return why === undefined ? make : [{ type: 'device-delete', name: device.name, why }, ...make];
}

function isEngineDevice(device: Device): device is EngineDevice {
  return device.kind === 'wireguard' || device.kind === 'tun';
}

function changedSettings(
  name: string,
  wanted: { readonly mtu: number; readonly mac?: string },
  link: ObservedLink,
): Operation[] {
  const settings = {
    ...(wanted.mac === undefined || link.mac === wanted.mac ? {} : { mac: wanted.mac }),
    ...(link.mtu === wanted.mtu ? {} : { mtu: wanted.mtu }),
    ...(link.up ? {} : { up: true }),
  };
  return Object.keys(settings).length === 0 ? [] : [{ type: 'device-set', name, ...settings }];
}

function sameNexthop(a: NexthopEntry, b: NexthopEntry): boolean {
  return a.device === b.device && a.gateway === b.gateway;
}

function sameRoute(a: RouteEntry, b: RouteEntry): boolean {
  if (a.type === 'blackhole' || b.type === 'blackhole') return a.type === b.type;
  if (a.device !== b.device) return false;
  if (a.type === 'link' || b.type === 'link') return a.type === b.type && sameScope(a, b);
  return a.type === b.type && a.gateway === b.gateway && a.nexthop === b.nexthop;
}

/** IPv6 has no scopes of routes. */
function sameScope(a: RouteEntry, b: RouteEntry): boolean {
  if (a.type !== 'link' || b.type !== 'link') return false;
  return a.scope === b.scope || typeof a.destination.address === 'bigint';
}
