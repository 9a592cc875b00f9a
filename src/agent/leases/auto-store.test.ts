import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { ManualClock } from '#runtime/clock.ts';
import { Fault } from '#runtime/fault.ts';
import { type ApiNote, AutoLeaseStore } from './auto-store.ts';
import { EtcdLeaseStore } from './etcd-store.ts';
import { EtcdV2LeaseStore } from './etcd-v2-store.ts';
import { attributesOf, subnetOf } from './lease-builders.ts';
import { MemoryEtcd } from './memory-etcd.ts';
import { MemoryEtcdV2 } from './memory-etcd-v2.ts';

const PREFIX = '/kubernetes/network';
const CONFIG = `${PREFIX}/config`;
const OWN = attributesOf('10.77.0.11');
const SUBNET = subnetOf('10.5.1.0-24');
const DAY = 86_400;

/** Both sides of one etcd, and a store that has to find out. */
function bench(options: { readonly v3LatencyMs?: number } = {}) {
  const clock = new ManualClock();
  const { v3LatencyMs } = options;
  const v3 = new MemoryEtcd({ clock, ...(v3LatencyMs !== undefined && { latencyMs: () => v3LatencyMs / 2 }) });
  const v2 = new MemoryEtcd({ clock });
  const client = v3.connect();
  const notes: ApiNote[] = [];
  const closed: string[] = [];
  let v2Opened = 0;
  const store = new AutoLeaseStore({
    clock,
    tell: (note) => notes.push(note),
    v3: { store: new EtcdLeaseStore({ etcd: client, prefix: PREFIX, clock }), close: () => void closed.push('v3') },
    openV2: async () => {
      v2Opened += 1;
      const etcd = new MemoryEtcdV2(v2);
      return { store: new EtcdV2LeaseStore({ etcd, prefix: PREFIX }), close: () => void closed.push('v2') };
    },
  });
  const settle = async <T>(work: Promise<T>): Promise<T> => {
    let done = false;
    const mark = (): void => {
      done = true;
    };
    work.then(mark, mark);
    while (!done) {
      await turn();
      if (!done) clock.advance(1);
    }
    return work;
  };
  return { clock, v3, v2, client, store, notes, closed, settle, v2Opened: () => v2Opened };
}

test('a network on v3 is used without asking v2 for anything', async () => {
  const { v3, store, notes, v2Opened, settle } = bench({ v3LatencyMs: 60 });
  v3.putRaw(CONFIG, 'three');
  store.prepareGrant(DAY);
  const [document, listing] = await settle(Promise.all([store.config(), store.list()]));
  assert.equal(document, 'three');
  assert.deepEqual(listing.leases, []);
  assert.deepEqual(notes, [{ type: 'chosen', api: 'v3' }]);
  assert.equal(v2Opened(), 0);
  assert.equal(store.api, 'v3');
});

test('finding v3 costs no round trip more than v3 alone', async () => {
  const { clock, v3, store, settle } = bench({ v3LatencyMs: 60 });
  v3.putRaw(CONFIG, 'three');
  const begun = clock.now();
  await settle(Promise.all([store.config(), store.list()]));
  assert.equal(clock.now() - begun, 60);
});

test('a network on v2 is found, leased from, and watched there; v3 gets its grant back', async () => {
  const { clock, v3, v2, store, notes, closed, settle } = bench();
  v2.putRaw(CONFIG, 'two');
  store.prepareGrant(DAY);
  const [document, snapshot] = await settle(Promise.all([store.config(), store.list()]));
  assert.equal(document, 'two');
  assert.deepEqual(notes, [{ type: 'chosen', api: 'v2' }]);
  const events: string[] = [];
  store.watch(snapshot.revision, (event) => events.push(event.type));
  const lease = await store.create(SUBNET, OWN, DAY);
  assert.ok(lease !== 'taken');
  assert.equal(v2.keyspace.range({ key: `${PREFIX}/subnets/10.5.1.0-24` }).count, 1);
  await turn();
  assert.deepEqual(events, ['changes']);
  clock.advance(1000);
  assert.deepEqual(closed, ['v3']);
  assert.equal(v3.leaseCount, 0);
});

test('when both have one v3 is used, and that is said once', async () => {
  const { clock, v3, v2, store, notes, closed, settle } = bench();
  v3.putRaw(CONFIG, 'three');
  v2.putRaw(CONFIG, 'two');
  assert.equal(await settle(store.config()), 'three');
  for (let second = 0; second < 20; second++) {
    clock.advance(1000);
    await turn();
  }
  assert.deepEqual(notes, [{ type: 'chosen', api: 'v3' }, { type: 'both' }]);
  assert.deepEqual(closed, ['v2']);
});

test('when neither has one both are looked at again and again, and the first that gets one is used', async () => {
  for (const side of ['v2', 'v3'] as const) {
    const { [side]: etcd, store, notes, settle } = bench();
    for (let look = 0; look < 3; look++) {
      const [document, listing] = await settle(Promise.all([store.config(), store.list()]));
      assert.equal(document, undefined);
      assert.deepEqual(listing.leases, []);
      assert.equal(store.api, undefined);
    }
    etcd.putRaw(CONFIG, 'now');
    assert.equal(await settle(store.config()), 'now');
    assert.deepEqual(notes, [{ type: 'chosen', api: side }]);
  }
});

test('while v3 cannot be reached nothing is chosen, although v2 has a network', async () => {
  const { v2, client, store, notes, settle } = bench();
  v2.putRaw(CONFIG, 'two');
  client.cut();
  await assert.rejects(settle(store.config()), (error) => error instanceof Fault && error.code === 'etcd.tcp');
  await assert.rejects(settle(store.list()), Fault);
  assert.deepEqual(notes, []);
  client.heal();
  assert.equal(await settle(store.config()), 'two');
});

test('what needs a network says that there is none', async () => {
  const { store, settle } = bench();
  await assert.rejects(
    settle(store.create(SUBNET, OWN, DAY)),
    (error) => error instanceof Fault && error.code === 'network.missing',
  );
});

test('once chosen it stays, though the network moves', async () => {
  const { v2, v3, store, settle } = bench();
  v2.putRaw(CONFIG, 'two');
  await settle(store.config());
  v3.putRaw(CONFIG, 'three');
  assert.equal(await settle(store.config()), 'two');
});

test('closing ends both connections, and the second look does not come', async () => {
  const { clock, v3, v2, store, notes, closed, settle } = bench();
  v3.putRaw(CONFIG, 'three');
  v2.putRaw(CONFIG, 'two');
  await settle(store.config());
  store.close();
  clock.advance(60_000);
  await turn();
  assert.deepEqual(closed, ['v3']);
  assert.equal(notes.length, 1);
});
