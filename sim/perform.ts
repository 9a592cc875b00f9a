/** Makes an event of a schedule happen. An event whose object is not there (any more) does nothing: schedules may be cut down. */
import type { Operation } from '#agent/kernel/state.ts';
import type { Lease } from '#model/lease.ts';
import { macFromRandom } from '#model/mac.ts';
import { allLeases, allPairs, hostPairs, isOfAnother, keyOf, leaseIn } from './records.ts';
import type { BAD_RECORDS, DRIFTS, SimEvent } from './schedule.ts';
import { addressText, DEVICE, type SimHost } from './sim-host.ts';
import { PREFIX } from './stored.ts';
import { slotKey, type World } from './world.ts';

export function perform(world: World, event: SimEvent): void {
  world.note(JSON.stringify(event));
  const host = 'host' in event ? world.hosts[event.host] : undefined;
  if (host !== undefined) performOnHost(world, event, host);
  else performOnFleet(world, event);
  world.reachChanged();
}

function performOnHost(world: World, event: SimEvent, host: SimHost): void {
  const { clock } = world;
  switch (event.kind) {
    case 'join':
      host.start();
      break;
    case 'restart':
      if (host.run === undefined) break;
      host.stop();
      host.start();
      break;
    case 'crash':
      if (host.run === undefined) break;
      host.crash();
      clock.after(event.forMs, () => world.start(host));
      break;
    case 'reboot':
      if (host.run === undefined) break;
      host.powerOff();
      clock.after(event.forMs, () => world.start(host));
      break;
    case 'leave':
      host.stop();
      host.gone = true;
      break;
    case 'clone': {
      const clone = world.makeClone(host);
      clone.start();
      clock.after(event.forMs, () => {
        clone.crash();
        world.clones.delete(clone);
      });
      break;
    }
    case 'renumber':
      host.disturbedAt = clock.now();
      host.renumber(world.newAddress());
      break;
    case 'wall clock':
      host.wallOffsetMs += event.byMs;
      break;
    case 'lease deleted':
    case 'lease rewritten':
    case 'reservation':
      performOnRecord(world, event.kind, host);
      break;
    case 'drift':
      drift(world, host, event.what);
      break;
    default:
      throw new Error(`${event.kind} does not happen to a host`);
  }
}

function performOnFleet(world: World, event: SimEvent): void {
  const { clock, etcd } = world;
  switch (event.kind) {
    case 'partition': {
      const cut = event.hosts.flatMap((index) => world.hosts[index] ?? []);
      for (const host of cut) host.cut();
      clock.after(event.forMs, () => {
        for (const host of cut) host.heal();
        world.reachChanged();
      });
      break;
    }
    case 'outage':
      world.outages += 1;
      etcd.stop();
      clock.after(event.forMs, () => endOutage(world));
      break;
    case 'compaction':
      if (etcd.keyspace.revision > etcd.keyspace.compacted) {
        etcd.change(() => etcd.keyspace.compact(etcd.keyspace.revision));
      }
      break;
    case 'backup':
      world.backup = etcd.backup();
      break;
    case 'restore':
      if (world.backup === undefined) break;
      etcd.restore(world.backup);
      if (world.outages > 0) etcd.stop();
      world.history.restored();
      world.allLost();
      break;
    case 'emptied':
      for (const { key } of allPairs(etcd)) deleteKey(world, key);
      for (const { key } of hostPairs(etcd)) etcd.deleteRaw(key);
      break;
    case 'bad record':
      putBadRecord(world, event.what, event.number);
      break;
    default:
      // The host that it names is not part of this fleet; a calm is not performed here.
      break;
  }
}

function endOutage(world: World): void {
  world.outages = Math.max(0, world.outages - 1);
  if (world.outages === 0) world.etcd.start();
  world.reachChanged();
}

function deleteKey(world: World, key: string): void {
  world.deleted.add(key);
  world.etcd.deleteRaw(key);
}

function recordText(address: string, mac: string): string {
  return JSON.stringify({
    PublicIP: address,
    PublicIPv6: null,
    BackendType: 'vxlan',
    BackendData: { VNI: 1, VtepMAC: mac },
  });
}

function performOnRecord(world: World, what: 'lease deleted' | 'lease rewritten' | 'reservation', host: SimHost): void {
  const record = allPairs(world.etcd).find((kv) => leaseIn(kv)?.attributes.publicIp === host.address);
  const mac = macFromRandom(Uint8Array.of(0x99, 0, 0, 0, host.index >> 8, host.index & 255));
  if (record === undefined) {
    // Reserved for a host that is not there yet.
    const key = slotKey(host.index % world.schedule.subnets);
    const isFree = world.etcd.keyspace.range({ key }).count === 0;
    if (what === 'reservation' && isFree && host.run === undefined) {
      world.etcd.putRaw(key, recordText(addressText(host), mac));
    }
  } else if (what === 'lease deleted') deleteKey(world, record.key);
  else if (what === 'reservation') world.etcd.putRaw(record.key, record.value);
  else putMess(world, record.key, recordText(`10.99.${host.index >> 8}.${host.index & 255}`, mac));
}

function putMess(world: World, key: string, value: string): void {
  world.mess.add(value);
  world.deleted.add(key);
  world.etcd.putRaw(key, value);
}

function putBadRecord(world: World, what: (typeof BAD_RECORDS)[number], number: number): void {
  const slot = number % world.schedule.subnets;
  const mac = macFromRandom(Uint8Array.of(0x98, 0, 0, 0, 0, number));
  const good = recordText(`10.98.0.${number}`, mac);
  const records = {
    'no json': [slotKey(slot), `no record ${number}`],
    'not a lease': [slotKey(slot), JSON.stringify({ PublicIP: `10.98.0.${number}.1` })],
    outside: [`${PREFIX}/subnets/192.168.${number}.0-24`, good],
    wide: [slotKey(slot, 23), good],
    'foreign name': [`${PREFIX}/subnets/notes-${number}`, good],
    huge: [slotKey(slot), `{"PublicIP":"${'1'.repeat(20_000)}"}`],
  } as const;
  const [key, value] = records[what];
  putMess(world, key, value);
}

/** The operator removes what he left behind; what agents left behind they remove themselves. */
function cleanUp(world: World): void {
  for (const { key, value } of allPairs(world.etcd)) if (world.mess.has(value)) deleteKey(world, key);
  for (const [key, lease] of allLeases(world.etcd)) if (isStale(world, key, lease)) deleteKey(world, key);
}

/**
 * A second record of a host, at a subnet that it does not hold, which no agent gives up: the operator's own reservation, brought
 * back by a backup, or what a clone wrote with the MAC that it found in the host's record.
 */
function isStale(world: World, key: string, lease: Lease): boolean {
  const data = JSON.stringify(lease.attributes.backendData);
  // By the address that it has: what it holds may still say another one.
  const named = world.hosts.filter(({ run, address }) => {
    const own = run?.state()?.own;
    if (own === undefined) return false;
    return address === lease.attributes.publicIp || JSON.stringify(own.attributes.backendData) === data;
  });
  if (named.length === 0) return false;
  const holds = ({ run }: SimHost): boolean => {
    const subnet = run?.state()?.own?.subnet;
    return subnet !== undefined && keyOf(subnet) === key;
  };
  return !named.some(holds) && (lease.reservation || named.every((host) => isOfAnother(world.etcd, host, lease)));
}

function drift(world: World, host: SimHost, what: (typeof DRIFTS)[number]): void {
  const operations = driftOf(host, what);
  if (operations.length === 0) return;
  host.disturbedAt = world.clock.now();
  host.kernel.disturb(operations);
}

function driftOf(host: SimHost, what: (typeof DRIFTS)[number]): readonly Operation[] {
  const ownership = host.run?.state()?.ownership;
  if (ownership === undefined) return [];
  const { links, ownAddresses, routes, neighbors, fdb } = host.kernel.observe(ownership);
  if (!links.some(({ name }) => name === DEVICE)) return [];
  const first = <Entry>(entries: readonly Entry[]): readonly Entry[] => entries.slice(0, 1);
  switch (what) {
    case 'device':
      return [{ type: 'device-delete', name: DEVICE, why: 'drift' }];
    case 'down':
      return [{ type: 'device-set', name: DEVICE, up: false }];
    case 'mac':
      return [{ type: 'device-set', name: DEVICE, mac: macFromRandom(Uint8Array.of(0x97, 1, 2, 3, 4, 5)) }];
    case 'address':
      return ownAddresses.map((entry) => ({ type: 'address-delete', entry }));
    case 'route':
      return first(routes).map((entry) => ({ type: 'route-delete', entry }));
    case 'all routes':
      return routes.map((entry) => ({ type: 'route-delete', entry }));
    case 'neighbor':
      return first(neighbors).map((entry) => ({ type: 'neighbor-delete', entry }));
    case 'fdb':
      return first(fdb).map((entry) => ({ type: 'fdb-delete', entry }));
  }
}

/** Whoever is on, is on; whoever is cut, is cut no more; etcd answers; the operator has cleaned up. */
export function mendAll(world: World): void {
  world.outages = 0;
  world.etcd.start();
  for (const host of world.hosts) while (host.isCut) host.heal();
  for (const clone of world.clones) clone.crash();
  world.clones.clear();
  cleanUp(world);
  world.reachChanged();
}
