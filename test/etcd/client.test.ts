/** The verbs of the etcd client on one real member with mutual TLS. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { prefixEnd } from '#etcd/api.ts';
import { connect, faultOf, Recorder, startCluster, until } from './client-fixture.ts';

const cluster = await startCluster({ after }, 1);
const etcd = connect({ after }, cluster);

test('what was put is read back with its revisions, as text in UTF-8', async () => {
  const { revision } = await etcd.put({ key: '/basic/ä', value: '{"größe":"∞"}' });
  const { kvs, count, more } = await etcd.range({ key: '/basic/ä' });
  assert.deepEqual(kvs, [
    {
      key: '/basic/ä',
      value: '{"größe":"∞"}',
      createRevision: revision,
      modRevision: revision,
      version: 1,
      lease: 0n,
    },
  ]);
  assert.deepEqual([count, more], [1, false]);
});

test('a key that is not there gives no keys and the revision of the store', async () => {
  const { revision } = await etcd.put({ key: '/other', value: '' });
  const answer = await etcd.range({ key: '/missing' });
  assert.deepEqual(answer, { revision, kvs: [], count: 0, more: false });
});

test('a range takes limit, revision, keysOnly and countOnly into account', async () => {
  for (const name of ['a', 'b', 'c']) await etcd.put({ key: `/options/${name}`, value: `1${name}` });
  const { revision } = await etcd.range({ key: '/' });
  await etcd.put({ key: '/options/b', value: '2b' });
  const prefix = { key: '/options/', rangeEnd: prefixEnd('/options/') };
  const limited = await etcd.range({ ...prefix, limit: 2 });
  assert.deepEqual([limited.kvs.map((kv) => kv.value), limited.more, limited.count], [['1a', '2b'], true, 3]);
  const old = await etcd.range({ ...prefix, revision });
  assert.deepEqual(
    old.kvs.map((kv) => kv.value),
    ['1a', '1b', '1c'],
  );
  const keys = await etcd.range({ ...prefix, keysOnly: true, serializable: true });
  assert.deepEqual(
    keys.kvs.map((kv) => [kv.key, kv.value]),
    [
      ['/options/a', ''],
      ['/options/b', ''],
      ['/options/c', ''],
    ],
  );
  const counted = await etcd.range({ ...prefix, countOnly: true });
  assert.deepEqual([counted.kvs.length, counted.count], [0, 3]);
});

test('deleting a prefix says how many keys went', async () => {
  for (const name of ['a', 'b', 'c']) await etcd.put({ key: `/gone/${name}`, value: '' });
  assert.equal((await etcd.delete({ key: '/gone/a' })).deleted, 1);
  assert.equal((await etcd.delete({ key: '/gone/', rangeEnd: prefixEnd('/gone/') })).deleted, 2);
  assert.equal((await etcd.delete({ key: '/gone/a' })).deleted, 0);
});

test('a transaction takes the success branch when all comparisons hold, else the failure branch', async () => {
  const create = {
    compare: [{ target: 'version', key: '/txn', equals: 0 }],
    success: [{ type: 'put', key: '/txn', value: 'first' }],
    failure: [{ type: 'range', key: '/txn' }],
  } as const;
  const first = await etcd.txn(create);
  assert.deepEqual([first.succeeded, first.responses], [true, [{ type: 'put', revision: first.revision }]]);
  const second = await etcd.txn(create);
  assert.equal(second.succeeded, false);
  const [answer] = second.responses;
  assert.ok(answer?.type === 'range');
  assert.equal(answer.kvs[0]?.value, 'first');
  const { createRevision, modRevision } = answer.kvs[0];
  const third = await etcd.txn({
    compare: [
      { target: 'modRevision', key: '/txn', equals: modRevision },
      { target: 'createRevision', key: '/txn', equals: createRevision },
    ],
    success: [
      { type: 'put', key: '/txn/2', value: '' },
      { type: 'delete', key: '/txn' },
    ],
  });
  assert.deepEqual([third.succeeded, third.responses[1]], [true, { type: 'delete', deleted: 1 }]);
  const fourth = await etcd.txn({
    compare: [{ target: 'modRevision', key: '/txn', equals: modRevision }],
    success: [{ type: 'delete', key: '/txn/2' }],
  });
  assert.deepEqual([fourth.succeeded, fourth.responses], [false, []]);
});

test('a transaction can compare a value; a key that is absent has none', async () => {
  const expect = (key: string, equals: string): Promise<boolean> =>
    etcd
      .txn({ compare: [{ target: 'value', key, equals }], success: [{ type: 'put', key: '/compared', value: '' }] })
      .then(({ succeeded }) => succeeded);
  await etcd.put({ key: '/value', value: 'as it is' });
  assert.equal(await expect('/value', 'as it is'), true);
  assert.equal(await expect('/value', 'as it was'), false);
  assert.equal(await expect('/no value', ''), false);
});

test('a lease is granted, kept alive, asked for and revoked, and takes its key along', async () => {
  const { id, ttlSeconds } = await etcd.leaseGrant(60);
  assert.equal(ttlSeconds, 60);
  assert.ok(id !== 0n);
  await etcd.put({ key: '/leased', value: 'x', lease: id });
  assert.equal((await etcd.range({ key: '/leased' })).kvs[0]?.lease, id);
  assert.equal(await etcd.leaseKeepAlive(id), 60);
  const info = await etcd.leaseTimeToLive(id, true);
  assert.ok(info.ttlSeconds >= 58 && info.ttlSeconds <= 60);
  assert.deepEqual([info.grantedTtlSeconds, info.keys], [60, ['/leased']]);
  await etcd.leaseRevoke(id);
  assert.equal((await etcd.range({ key: '/leased' })).count, 0);
  assert.equal(await etcd.leaseKeepAlive(id), 0);
  assert.equal((await etcd.leaseTimeToLive(id)).ttlSeconds, -1);
});

test("a key's lease that ends by itself is told to a watch as a deletion", async (t) => {
  const { id } = await etcd.leaseGrant(1);
  const { revision } = await etcd.put({ key: '/expiring', value: 'x', lease: id });
  const recorder = new Recorder();
  const watch = etcd.watch({ key: '/expiring', startRevision: revision }, recorder);
  t.after(() => watch.close());
  await until('the key is gone', () => recorder.seen.length === 2);
  assert.deepEqual(recorder.seen, ['put /expiring=x', 'delete /expiring']);
});

test('a watch delivers the past from its first revision, then what happens, each revision once and in order', async (t) => {
  const { revision } = await etcd.put({ key: '/watched/0', value: '0' });
  for (let i = 1; i < 50; i++) await etcd.put({ key: `/watched/${i % 7}`, value: String(i) });
  const recorder = new Recorder();
  const request = { key: '/watched/', rangeEnd: prefixEnd('/watched/'), startRevision: revision };
  const watch = etcd.watch(request, recorder);
  t.after(() => watch.close());
  await until('the past has come', () => recorder.seen.length === 50);
  for (let i = 50; i < 100; i++) await etcd.put({ key: `/watched/${i % 7}`, value: String(i) });
  await until('the present has come', () => recorder.seen.length === 100);
  assert.deepEqual(
    recorder.seen,
    Array.from({ length: 100 }, (_, i) => `put /watched/${i % 7}=${i}`),
  );
  assert.equal(recorder.revision, revision + 99);
});

test('the events of one transaction come in one batch', async (t) => {
  const { revision } = await etcd.range({ key: '/' });
  const recorder = new Recorder();
  const request = { key: '/batch/', rangeEnd: prefixEnd('/batch/'), startRevision: revision + 1 };
  const watch = etcd.watch(request, recorder);
  t.after(() => watch.close());
  const names = Array.from({ length: 100 }, (_, i) => `/batch/${i}`);
  await etcd.txn({ compare: [], success: names.map((key) => ({ type: 'put', key, value: '1' })) });
  await until('the events have come', () => recorder.seen.length >= 100);
  assert.deepEqual(recorder.batches, [100]);
});

test('a batch larger than one message is put together from its fragments', async (t) => {
  const { revision } = await etcd.range({ key: '/' });
  const value = 'x'.repeat(1_000_000);
  for (let i = 0; i < 8; i++) await etcd.put({ key: '/large/a', value });
  const recorder = new Recorder();
  const request = { key: '/large/', rangeEnd: prefixEnd('/large/'), startRevision: revision + 1 };
  const watch = etcd.watch(request, recorder);
  t.after(() => watch.close());
  await until('the events have come', () => recorder.seen.length === 8);
  assert.deepEqual(recorder.batches, [8]);
  assert.equal(recorder.revision, revision + 8);
});

test('a closed watch tells nothing more', async () => {
  const { revision } = await etcd.put({ key: '/closed', value: '1' });
  const recorder = new Recorder();
  const watch = etcd.watch({ key: '/closed', startRevision: revision }, recorder);
  await until('it is there', () => recorder.seen.length === 1);
  watch.close();
  const control = new Recorder();
  const other = etcd.watch({ key: '/closed', startRevision: revision + 1 }, control);
  await etcd.put({ key: '/closed', value: '2' });
  await until('another watch has seen it', () => control.seen.length === 1);
  other.close();
  assert.deepEqual(recorder.seen, ['put /closed=1']);
  assert.equal(recorder.interruptions.length, 0);
});

test('a range of 10,000 keys arrives whole and in order', async () => {
  const keys = Array.from({ length: 10_000 }, (_, i) => `/many/${String(i).padStart(5, '0')}`);
  for (let at = 0; at < keys.length; at += 100) {
    const success = keys
      .slice(at, at + 100)
      .map((key) => ({ type: 'put', key, value: `${key}:${'v'.repeat(100)}` }) as const);
    await etcd.txn({ compare: [], success });
  }
  const { kvs, count, more } = await etcd.range({ key: '/many/', rangeEnd: prefixEnd('/many/') });
  assert.deepEqual([count, more, kvs.length], [10_000, false, 10_000]);
  assert.deepEqual(
    kvs.map((kv) => kv.key),
    keys,
  );
  assert.ok(kvs.every((kv) => kv.value === `${kv.key}:${'v'.repeat(100)}`));
});

test('the status names the member, the leader and the version', async () => {
  const [status, ...others] = await etcd.status();
  assert.equal(others.length, 0);
  assert.ok(status !== undefined && 'version' in status);
  assert.match(status.version, /^3\.\d+\.\d+$/);
  assert.equal(status.endpoint, cluster.endpoints[0]);
  assert.equal(status.leaderId, status.memberId);
  assert.ok(status.dbSizeBytes > 1_000_000 && status.raftIndex > 100 && status.raftTerm >= 2);
});

test('a revision that is compacted away is a fault that says so', async () => {
  const { revision } = await etcd.put({ key: '/compacted', value: '1' });
  await etcd.put({ key: '/compacted', value: '2' });
  await etcd.compact(revision + 1);
  const fault = await faultOf(etcd.range({ key: '/compacted', revision }));
  assert.equal(fault.code, 'etcd.compacted');
  assert.equal(
    fault.summary,
    `the revision for read "/compacted" is compacted away (${cluster.endpoints[0]}): ` +
      'etcd says: mvcc: required revision has been compacted (gRPC code 11)',
  );
});

test("a lease that etcd does not know is a fault with etcd's own words", async () => {
  const fault = await faultOf(etcd.leaseRevoke(77n));
  assert.equal(fault.code, 'etcd.refused');
  assert.equal(
    fault.summary,
    `etcd refused revoke lease 4d (${cluster.endpoints[0]}): etcd says: requested lease not found (gRPC code 5)`,
  );
});

test('many calls before the connection is up are all answered over one connection', async (t) => {
  const client = connect(t, cluster);
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, i) => client.put({ key: `/early/${i}`, value: '' })),
  );
  assert.equal(new Set(answers.map(({ revision }) => revision)).size, 50);
});

test('the unix socket of a member answers without TLS', async (t) => {
  const local = connect(t, cluster, { endpoints: cluster.localEndpoints });
  await etcd.put({ key: '/local', value: 'yes' });
  assert.equal((await local.range({ key: '/local' })).kvs[0]?.value, 'yes');
});

test('calls on a closed client are faults', async () => {
  const client = connect({ after }, cluster);
  await client.range({ key: '/' });
  client.close();
  assert.equal((await faultOf(client.range({ key: '/' }))).summary, 'the etcd client is closed');
});
