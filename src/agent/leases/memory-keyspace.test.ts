/** The strictness of the in-memory etcd, where a lax fake would hide mistakes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { WatchEvent } from '#etcd/api.ts';
import { ManualClock } from '#runtime/clock.ts';
import { Fault } from '#runtime/fault.ts';
import { MemoryEtcd } from './memory-etcd.ts';
import { MemoryKeyspace } from './memory-keyspace.ts';

function refused(words: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof Fault && error.code === 'etcd.refused' && words.test(error.message);
}

test('a put with an etcd lease that does not exist is refused and writes nothing', async () => {
  const etcd = new MemoryEtcd({ clock: new ManualClock() });
  const client = etcd.connect();
  const success = [
    { type: 'put', key: 'a', value: '1' },
    { type: 'put', key: 'b', value: '1', lease: 77n },
  ] as const;
  await assert.rejects(client.txn({ compare: [], success }), refused(/lease not found/));
  assert.equal((await client.range({ key: 'a', rangeEnd: 'z' })).count, 0);
});

test('one transaction makes one revision, and one that only reads makes none', async () => {
  const client = new MemoryEtcd({ clock: new ManualClock() }).connect();
  const success = [
    { type: 'put', key: 'a', value: '1' },
    { type: 'put', key: 'b', value: '1' },
  ] as const;
  const { revision } = await client.txn({ compare: [], success });
  const { kvs } = await client.range({ key: 'a', rangeEnd: 'z' });
  assert.deepEqual(
    kvs.map((kv) => kv.modRevision),
    [revision, revision],
  );
  const read = await client.txn({ compare: [], success: [{ type: 'range', key: 'a' }] });
  assert.equal(read.revision, revision);
  await assert.rejects(client.txn({ compare: [], success: [success[0], success[0]] }), refused(/duplicate key/));
});

test('a key put anew with another etcd lease leaves the old one, whose end then deletes nothing', async () => {
  const client = new MemoryEtcd({ clock: new ManualClock() }).connect();
  const [first, second] = [await client.leaseGrant(60), await client.leaseGrant(60)];
  await client.put({ key: 'a', value: '1', lease: first.id });
  await client.put({ key: 'a', value: '2', lease: second.id });
  assert.deepEqual((await client.leaseTimeToLive(second.id, true)).keys, ['a']);
  await client.leaseRevoke(first.id);
  assert.equal((await client.range({ key: 'a' })).count, 1);
  await client.leaseRevoke(second.id);
  assert.equal((await client.range({ key: 'a' })).count, 0);
  await assert.rejects(client.leaseRevoke(second.id), refused(/lease not found/));
});

test('a value can be compared, and a key that is absent has none', () => {
  const keyspace = new MemoryKeyspace();
  keyspace.txn({ compare: [], success: [{ type: 'put', key: 'a', value: 'as it is' }] });
  const expect = (key: string, equals: string): boolean =>
    keyspace.txn({ compare: [{ target: 'value', key, equals }], success: [] }).succeeded;
  assert.deepEqual([expect('a', 'as it is'), expect('a', 'as it was'), expect('b', '')], [true, false, false]);
});

test('an etcd lease ends by the clock, unless it is kept alive', async () => {
  const clock = new ManualClock();
  const client = new MemoryEtcd({ clock }).connect();
  const { id } = await client.leaseGrant(10);
  await client.put({ key: 'a', value: '1', lease: id });
  clock.advance(9_000);
  assert.equal((await client.leaseTimeToLive(id)).ttlSeconds, 1);
  assert.equal(await client.leaseKeepAlive(id), 10);
  clock.advance(9_999);
  assert.equal((await client.range({ key: 'a' })).count, 1);
  clock.advance(1);
  assert.equal((await client.range({ key: 'a' })).count, 0);
  assert.equal((await client.leaseTimeToLive(id)).ttlSeconds, -1);
  assert.equal(await client.leaseKeepAlive(id), 0);
});

test('a key deleted and created anew begins with version 1 and a new creation', async () => {
  const client = new MemoryEtcd({ clock: new ManualClock() }).connect();
  await client.put({ key: 'a', value: '1' });
  await client.put({ key: 'a', value: '2' });
  await client.delete({ key: 'a' });
  const { revision } = await client.put({ key: 'a', value: '3' });
  const [kv] = (await client.range({ key: 'a' })).kvs;
  assert.deepEqual(kv, {
    key: 'a',
    value: '3',
    createRevision: revision,
    modRevision: revision,
    version: 1,
    lease: 0n,
  });
});

test('compaction of the past twice or of the future is refused', async () => {
  const client = new MemoryEtcd({ clock: new ManualClock() }).connect();
  const { revision } = await client.put({ key: 'a', value: '1' });
  await assert.rejects(client.compact(revision + 1), refused(/future revision/));
  await client.compact(revision);
  await assert.rejects(client.compact(revision), refused(/has been compacted/));
});

test('a watch whose listener cannot list again is asked anew until it can', async () => {
  const clock = new ManualClock();
  const etcd = new MemoryEtcd({ clock });
  const client = etcd.connect();
  for (const value of ['1', '2', '3']) etcd.putRaw('a', value);
  etcd.keyspace.compact(etcd.keyspace.revision);
  let asked = 0;
  const events: WatchEvent[] = [];
  client.watch(
    { key: 'a', startRevision: 2 },
    {
      events: (list) => events.push(...list),
      async lost() {
        asked++;
        if (asked < 3) throw new Error('not yet');
        return etcd.keyspace.revision + 1;
      },
    },
  );
  for (let step = 0; step < 10; step++) {
    await turn();
    clock.advance(100);
  }
  assert.equal(asked, 3);
  etcd.putRaw('a', '4');
  await turn();
  assert.equal(events.length, 1);
});

test('a watch that is closed while events are pending ends for good', async () => {
  const etcd = new MemoryEtcd({ clock: new ManualClock() });
  const client = etcd.connect();
  etcd.putRaw('a', '1');
  const events: WatchEvent[] = [];
  const watch = client.watch(
    { key: 'a', startRevision: 1 },
    { events: (list) => events.push(...list), lost: async () => etcd.keyspace.revision + 1 },
  );
  watch.close();
  etcd.putRaw('a', '2');
  await turn();
  assert.deepEqual(events, []);
});
