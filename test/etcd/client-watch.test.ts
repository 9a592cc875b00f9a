/** Watches of the etcd client through cuts, compaction and a restore, on a real member behind a relay. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { endMembers } from '#lab/etcd-member.ts';
import { Fault } from '#runtime/fault.ts';
import { connect, Recorder, startCluster, until } from './client-fixture.ts';
import { Relay } from './client-relay.ts';

const cluster = await startCluster({ after }, 1, { tls: false });
const direct = connect({ after }, cluster);

async function relayed(t: TestContext, keepAliveMs = 2_000) {
  const relay = await Relay.start(t, cluster.endpoints[0] ?? '');
  const client = connect(t, cluster, { endpoints: [`http://127.0.0.1:${relay.port}`], keepAliveMs });
  return { relay, client };
}

test('many calls before the connection is up go over one connection', async (t) => {
  const { relay, client } = await relayed(t);
  await Promise.all(Array.from({ length: 50 }, (_, i) => client.put({ key: `/early/${i}`, value: '' })));
  assert.equal(relay.connections, 1);
});

test('a watch that was cut resumes after the last event seen, with nothing missing and nothing twice', async (t) => {
  const { relay, client } = await relayed(t);
  const { revision } = await direct.put({ key: '/cut', value: '0' });
  const recorder = new Recorder();
  client.watch({ key: '/cut', startRevision: revision }, recorder);
  const expected = ['put /cut=0'];
  for (let round = 1; round <= 3; round++) {
    await until('the watch has seen all', () => recorder.seen.length === expected.length);
    relay.cut();
    for (let i = 0; i < 5; i++) {
      await direct.put({ key: '/cut', value: `${round}.${i}` });
      expected.push(`put /cut=${round}.${i}`);
    }
  }
  await until('the watch has seen all', () => recorder.seen.length >= expected.length);
  assert.deepEqual(recorder.seen, expected);
  assert.equal(recorder.interruptions.length, 3);
  assert.equal(recorder.resumes, 3);
  assert.equal(recorder.interruptions[0]?.code, 'etcd.tcp');
});

test('a watch tells one interruption for an outage, however many attempts fail', async (t) => {
  const { relay, client } = await relayed(t);
  const { revision } = await direct.put({ key: '/outage', value: '0' });
  const recorder = new Recorder();
  client.watch({ key: '/outage', startRevision: revision }, recorder);
  await until('it is there', () => recorder.seen.length === 1);
  const before = relay.connections;
  relay.refusing = true;
  relay.cut();
  await until('it has tried some times', () => relay.connections >= before + 3);
  relay.refusing = false;
  await until('it is back', () => recorder.resumes === 1);
  assert.equal(recorder.interruptions.length, 1);
});

test('a watch over a silent connection gives it up after an unanswered PING', async (t) => {
  const { relay, client } = await relayed(t, 300);
  const { revision } = await direct.put({ key: '/silent', value: '0' });
  const recorder = new Recorder();
  client.watch({ key: '/silent', startRevision: revision }, recorder);
  await until('it is there', () => recorder.seen.length === 1);
  relay.freeze();
  await direct.put({ key: '/silent', value: '1' });
  await until('the event has come over a new connection', () => recorder.seen.length === 2);
  assert.equal(recorder.interruptions[0]?.code, 'etcd.timeout');
  assert.match(recorder.interruptions[0].message, /^etcd did not answer a PING within 300 ms$/);
});

test('an idle watch is left alone by etcd: pings keep the distance that it asks for', async (t) => {
  const { client } = await relayed(t, 100);
  const { revision } = await direct.put({ key: '/idle', value: '0' });
  const recorder = new Recorder();
  client.watch({ key: '/idle', startRevision: revision }, recorder);
  await until('it is there', () => recorder.seen.length === 1);
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  await direct.put({ key: '/idle', value: '1' });
  await until('the event has come', () => recorder.seen.length === 2);
  assert.deepEqual(recorder.interruptions, []);
});

test('a compaction while the watch was cut is told as lost, and the watch goes on from where the listener says', async (t) => {
  const { relay, client } = await relayed(t);
  const { revision } = await direct.put({ key: '/lost', value: '0' });
  const recorder = new Recorder();
  let attempts = 0;
  recorder.relist = async () => {
    if (++attempts === 1) throw new Fault('etcd.timeout', { what: 'listing fails the first time' });
    const list = await direct.range({ key: '/lost' });
    recorder.seen.push(`listed ${list.kvs[0]?.value}`);
    return list.revision + 1;
  };
  client.watch({ key: '/lost', startRevision: revision }, recorder);
  await until('it is there', () => recorder.seen.length === 1);
  relay.refusing = true;
  relay.cut();
  for (let i = 1; i <= 5; i++) await direct.put({ key: '/lost', value: String(i) });
  await direct.compact((await direct.range({ key: '/lost' })).revision);
  relay.refusing = false;
  await until('it has listed', () => recorder.seen.length === 2);
  await direct.put({ key: '/lost', value: '6' });
  await until('it goes on', () => recorder.seen.length === 3);
  assert.deepEqual(recorder.seen, ['put /lost=0', 'listed 5', 'put /lost=6']);
  assert.equal(attempts, 2);
  const [fault] = recorder.faults;
  assert.equal(fault?.code, 'etcd.compacted');
  assert.equal(fault.message, `revision ${revision + 1} for watch "/lost" is compacted away`);
  assert.equal(fault.why, `etcd holds revisions from ${revision + 5} on`);
});

test('a store restored from a backup is told as lost, though the connection just seemed cut', async (t) => {
  const own = await startCluster(t, 1, { tls: false });
  const [member] = own.members;
  assert.ok(member !== undefined);
  const client = connect(t, own);
  const { revision } = await client.put({ key: '/restored', value: 'old' });
  const environment = { ...process.env, ETCDCTL_API: '3' };
  const run = promisify(execFile);
  const snapshot = join(member.directory, 'snapshot.db');
  const etcdctl = (...args: string[]): Promise<unknown> => run('etcdctl', args, { env: environment });
  await etcdctl(`--endpoints=${own.endpoints[0]}`, 'snapshot', 'save', snapshot);
  for (let i = 0; i < 10; i++) await client.put({ key: '/restored', value: `new ${i}` });
  const recorder = new Recorder();
  recorder.relist = async () => {
    const list = await client.range({ key: '/restored' });
    recorder.seen.push(`listed ${list.kvs[0]?.value} at ${list.revision}`);
    return list.revision + 1;
  };
  client.watch({ key: '/restored', startRevision: revision + 10 }, recorder);
  await until('it is there', () => recorder.seen.length === 1);
  await endMembers([member]);
  const data = join(member.directory, 'data');
  await rename(data, `${data}.before`);
  const peer = member.endpoint.replace('2379', '2380');
  await etcdctl(
    ...['snapshot', 'restore', snapshot, `--data-dir=${data}`, `--name=${member.name}`],
    ...[`--initial-cluster=${member.name}=${peer}`, `--initial-advertise-peer-urls=${peer}`],
  );
  await own.restart(member.name);
  await until('it has listed', () => recorder.seen.length === 2);
  await client.put({ key: '/restored', value: 'after' });
  await until('it goes on', () => recorder.seen.length === 3);
  assert.deepEqual(recorder.seen, ['put /restored=new 9', `listed old at ${revision}`, 'put /restored=after']);
  assert.equal(recorder.faults[0]?.message, `etcd went back from revision ${revision + 10} to ${revision}`);
  await rm(`${data}.before`, { recursive: true });
});
