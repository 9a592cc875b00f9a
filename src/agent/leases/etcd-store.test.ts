import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { ManualClock } from '#runtime/clock.ts';
import { EtcdLeaseStore } from './etcd-store.ts';
import { attributesOf, subnetOf } from './lease-builders.ts';
import { MemoryEtcd } from './memory-etcd.ts';

const DAY = 86_400;
const OWN = attributesOf('10.77.0.11');
const SUBNET = subnetOf('10.5.1.0-24');
const SECOND = subnetOf('10.5.2.0-24');

function bench(prefix = '/coreos.com/network') {
  const clock = new ManualClock();
  const etcd = new MemoryEtcd({ clock });
  const client = etcd.connect();
  return { clock, etcd, client, store: new EtcdLeaseStore({ etcd: client, prefix, clock }) };
}

for (const prefix of ['/coreos.com/network', '/coreos.com/network/', '//coreos.com/./network//']) {
  test(`the prefix ${prefix} leads to /coreos.com/network/subnets/…`, async () => {
    const { etcd, store } = bench(prefix);
    await store.create(SUBNET, OWN, DAY);
    assert.equal(etcd.keyspace.range({ key: '/coreos.com/network/subnets/10.5.1.0-24' }).count, 1);
  });
}

test('a prefix without a leading slash stays without one', async () => {
  const { etcd, store } = bench('network');
  await store.create(SUBNET, OWN, DAY);
  assert.equal(etcd.keyspace.range({ key: 'network/subnets/10.5.1.0-24' }).count, 1);
});

test('the lease key has a time to live of exactly the seconds asked for', async () => {
  const { etcd, store } = bench();
  await store.create(SUBNET, OWN, DAY);
  const [kv] = etcd.keyspace.range({ key: '/coreos.com/network/subnets/10.5.1.0-24' }).kvs;
  assert.equal(etcd.timeToLive(kv?.lease ?? 0n).ttlSeconds, DAY);
});

test('a grant that was prepared is used, not doubled, and given back when it was not needed', async () => {
  const { etcd, store } = bench();
  store.prepareGrant(DAY);
  store.prepareGrant(DAY);
  await turn();
  assert.equal(etcd.leaseCount, 1);
  await store.create(SUBNET, OWN, DAY);
  assert.equal(etcd.leaseCount, 1);
  store.prepareGrant(DAY);
  store.close();
  await turn();
  assert.equal(etcd.leaseCount, 1);
});

test('a grant that grew old is replaced, so that the lease has its full time', async () => {
  const { clock, etcd, store } = bench();
  store.prepareGrant(DAY);
  await turn();
  clock.advance(DAY * 500);
  await store.create(SUBNET, OWN, DAY);
  await turn();
  const [kv] = etcd.keyspace.range({ key: '/coreos.com/network/subnets/10.5.1.0-24' }).kvs;
  assert.equal(etcd.timeToLive(kv?.lease ?? 0n).ttlSeconds, DAY);
  assert.equal(etcd.leaseCount, 1);
});

test('a grant that was prepared while etcd was away does not fail the create that comes later', async () => {
  const { client, store } = bench();
  client.cut();
  store.prepareGrant(DAY);
  await turn();
  client.heal();
  assert.notEqual(await store.create(SUBNET, OWN, DAY), 'taken');
});

test('lost races and renewals leave no grants behind', async () => {
  const { etcd, store } = bench();
  const other = new EtcdLeaseStore({ etcd: etcd.connect(), prefix: '/coreos.com/network' });
  await other.create(SUBNET, attributesOf('10.77.0.12'), DAY);
  assert.equal(await store.create(SUBNET, OWN, DAY), 'taken');
  const created = await store.create(SECOND, OWN, DAY);
  assert.ok(created !== 'taken');
  assert.equal(etcd.leaseCount, 2);
  const renewed = await store.renew(created, OWN, DAY);
  assert.ok(renewed !== 'lost');
  await turn();
  assert.equal(etcd.leaseCount, 2);
  assert.equal(await store.release(renewed), 'released');
  await turn();
  assert.equal(etcd.leaseCount, 1);
});

test('a grant that a lost renewal did not use is used next, or given back at the end', async () => {
  const { etcd, store } = bench();
  const created = await store.create(SUBNET, OWN, DAY);
  assert.ok(created !== 'taken');
  etcd.deleteRaw('/coreos.com/network/subnets/10.5.1.0-24');
  assert.equal(await store.renew(created, OWN, DAY), 'lost');
  assert.equal(etcd.leaseCount, 2);
  assert.notEqual(await store.create(SUBNET, OWN, DAY), 'taken');
  assert.equal(etcd.leaseCount, 2);
  etcd.deleteRaw('/coreos.com/network/subnets/10.5.1.0-24');
  assert.equal(await store.renew(created, OWN, DAY), 'lost');
  store.close();
  await turn();
  assert.equal(etcd.leaseCount, 2);
});

test('somebody who keeps writing our own value does not hold a renewal for ever', async () => {
  const { etcd, client, store } = bench();
  const created = await store.create(SUBNET, OWN, DAY);
  assert.ok(created !== 'taken');
  const key = '/coreos.com/network/subnets/10.5.1.0-24';
  const value = etcd.keyspace.range({ key }).kvs[0]?.value ?? '';
  const { txn } = client;
  client.txn = (request) => {
    etcd.putRaw(key, value);
    return txn.call(client, request);
  };
  assert.equal(await store.renew(created, OWN, DAY), 'lost');
});

test('releasing with an old revision does not end the lease', async () => {
  const { store } = bench();
  const created = await store.create(SUBNET, OWN, DAY);
  assert.ok(created !== 'taken');
  await store.renew(created, OWN, DAY);
  assert.equal(await store.release(created), 'lost');
  await turn();
  assert.equal((await store.list()).leases.length, 1);
});

/** Latency lets a cut fall between a write and its answer. */
test('a renewal whose answer was lost is not taken for somebody else’s write, and the lease lives on', async () => {
  const clock = new ManualClock();
  const etcd = new MemoryEtcd({ clock, latencyMs: () => 5 });
  const client = etcd.connect();
  const store = new EtcdLeaseStore({ etcd: client, prefix: '/coreos.com/network', clock });
  const settle = async <T>(work: Promise<T>): Promise<T> => {
    let done = false;
    const mark = (): void => {
      done = true;
    };
    work.then(mark, mark);
    while (!done) {
      await turn();
      clock.advance(1);
    }
    return work;
  };
  const created = await settle(store.create(SUBNET, OWN, DAY));
  assert.ok(created !== 'taken');
  const revision = etcd.keyspace.revision;
  const lost = store.renew(created, OWN, DAY);
  const rejected = assert.rejects(lost);
  while (etcd.keyspace.revision === revision) {
    await turn();
    clock.advance(1);
  }
  client.cut();
  await settle(rejected);
  client.heal();
  const renewed = await settle(store.renew(created, OWN, DAY));
  assert.ok(renewed !== 'lost');
  const { leases } = await settle(store.list());
  assert.deepEqual(leases, [renewed]);
});
