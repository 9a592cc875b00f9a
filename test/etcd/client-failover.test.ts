/** The etcd client on three real members of which one dies, freezes or loses the leadership. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { after, type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { connectEtcd } from '#etcd/client.ts';
import { type EtcdMember, signalMembers } from '#lab/etcd-member.ts';
import { connect, faultOf, Recorder, startCluster, until } from './client-fixture.ts';

const cluster = await startCluster({ after }, 3);
/** A write that was under way when the leader died waits for its time-out, so that one is short. */
const observer = connect({ after }, cluster, { endpoints: cluster.localEndpoints, timeoutMs: 700 });

/** The cluster's members as they run now, by name. */
const members = new Map(cluster.members.map((member) => [member.name, member]));

function member(name: string): EtcdMember {
  const found = members.get(name);
  assert.ok(found !== undefined);
  return found;
}

/** A client whose first endpoint is the one of that member. */
function connectFirstTo(t: TestContext, name: string, options: { readonly timeoutMs?: number } = {}) {
  const random = Math.random;
  Math.random = () => 0;
  try {
    const first = member(name).endpoint;
    const endpoints = [first, ...cluster.endpoints.filter((endpoint) => endpoint !== first)];
    return connect(t, cluster, { endpoints, ...options });
  } finally {
    Math.random = random;
  }
}

async function restart(name: string): Promise<void> {
  members.set(name, await cluster.restart(name));
}

/** Stops all threads of a member, and lets it go on when the test ends. */
async function freeze(t: TestContext, name: string): Promise<void> {
  const { pid } = member(name);
  signalMembers([member(name)], 'SIGSTOP');
  t.after(() => thaw(name));
  const isStopped = (thread: string): boolean => / T /.test(readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8'));
  await until('all its threads have stopped', () => readdirSync(`/proc/${pid}/task`).every(isStopped));
}

/** Lets a frozen member go on, and waits until it has caught up. */
async function thaw(name: string): Promise<void> {
  signalMembers([member(name)], 'SIGCONT');
  const client = connectEtcd({ endpoints: [member(name).localEndpoint], timeoutMs: 500 });
  await retried(() => client.range({ key: '/' }));
  client.close();
}

async function leaderName(): Promise<string> {
  for (const status of await observer.status()) {
    if ('leaderId' in status && status.leaderId === status.memberId) {
      const found = [...members.values()].find(({ localEndpoint }) => localEndpoint === status.endpoint);
      if (found !== undefined) return found.name;
    }
  }
  throw new Error('no member is the leader');
}

async function followerName(): Promise<string> {
  const leader = await leaderName();
  const found = [...members.keys()].find((name) => name !== leader);
  assert.ok(found !== undefined);
  return found;
}

test('when the member in use is killed, the next call is served by another one', async (t) => {
  const victim = await followerName();
  const client = connectFirstTo(t, victim);
  await client.put({ key: '/kill', value: '1' });
  signalMembers([member(victim)], 'SIGKILL');
  t.after(() => restart(victim));
  await until('it is dead', () => !processIsThere(member(victim).pid));
  const begunMs = performance.now();
  assert.equal((await client.range({ key: '/kill' })).kvs[0]?.value, '1');
  assert.ok(performance.now() - begunMs < 500, 'another member answers soon');
  await client.put({ key: '/kill', value: '2' });
});

test('a new client finds a live member although the first endpoint is dead', async (t) => {
  const victim = await followerName();
  signalMembers([member(victim)], 'SIGKILL');
  t.after(() => restart(victim));
  await until('it is dead', () => !processIsThere(member(victim).pid));
  const client = connectFirstTo(t, victim);
  await client.put({ key: '/dead-first', value: '1' });
});

test('when the member in use freezes, a read goes to another one within its deadline, and later calls at once', async (t) => {
  const victim = await followerName();
  const client = connectFirstTo(t, victim, { timeoutMs: 1_500 });
  await client.put({ key: '/freeze', value: '1' });
  await freeze(t, victim);
  assert.equal((await client.range({ key: '/freeze' })).kvs[0]?.value, '1');
  const begunMs = performance.now();
  await client.put({ key: '/freeze', value: '2' });
  assert.ok(performance.now() - begunMs < 500, 'the frozen member is not asked first any more');
});

test('a write that a frozen member may have taken is not repeated, and the fault says so', async (t) => {
  const victim = await followerName();
  const client = connectFirstTo(t, victim, { timeoutMs: 700 });
  await client.put({ key: '/once', value: '1' });
  await freeze(t, victim);
  const fault = await faultOf(client.put({ key: '/once', value: '2' }));
  assert.equal(fault.code, 'etcd.timeout');
  assert.match(fault.message, /^etcd did not answer put "\/once" within \d+ ms$/);
  assert.equal(fault.where, member(victim).endpoint);
  assert.equal(fault.why, 'put "/once" may have been done or not');
});

test('a watch lives through the death of the leader that it is connected to', async (t) => {
  const leader = await leaderName();
  const client = connectFirstTo(t, leader);
  const { revision } = await client.put({ key: '/leader', value: '0' });
  const recorder = new Recorder();
  client.watch({ key: '/leader', startRevision: revision }, recorder);
  await until('it is there', () => recorder.seen.length === 1);
  signalMembers([member(leader)], 'SIGKILL');
  t.after(() => restart(leader));
  for (let i = 1; i <= 3; i++) {
    await retried(() => observer.put({ key: '/leader', value: String(i) }));
    await until(`event ${i} has come`, () => recorder.seen.includes(`put /leader=${i}`));
  }
  assert.deepEqual([...new Set(recorder.seen)], recorder.seen, 'no event twice');
  assert.deepEqual(recorder.faults, []);
});

test('a watch lives through a change of leader that leaves its connection alone', async (t) => {
  const leader = await leaderName();
  const follower = await followerName();
  const client = connectFirstTo(t, follower);
  const { revision } = await client.put({ key: '/moved', value: '0' });
  const recorder = new Recorder();
  client.watch({ key: '/moved', startRevision: revision }, recorder);
  await until('it is there', () => recorder.seen.length === 1);
  const statuses = await observer.status();
  const target = statuses.find((status) => status.endpoint === member(follower).localEndpoint);
  assert.ok(target !== undefined && 'memberId' in target && cluster.tls !== undefined);
  const { caFile, certFile, keyFile } = cluster.tls;
  await promisify(execFile)(
    'etcdctl',
    [
      ...[`--endpoints=${member(leader).endpoint}`, `--cacert=${caFile}`, `--cert=${certFile}`, `--key=${keyFile}`],
      ...['move-leader', target.memberId.toString(16)],
    ],
    { env: { ...process.env, ETCDCTL_API: '3' } },
  );
  assert.equal(await leaderName(), follower);
  await client.put({ key: '/moved', value: '1' });
  await until('the event has come', () => recorder.seen.length === 2);
  assert.deepEqual(recorder.seen, ['put /moved=0', 'put /moved=1']);
});

test('without a majority a call ends in time with a fault that says there is no leader', async (t) => {
  const survivor = 'm1';
  const others = ['m2', 'm3'];
  signalMembers(others.map(member), 'SIGKILL');
  t.after(() => Promise.all(others.map(restart)).then(() => undefined));
  const client = connectFirstTo(t, survivor, { timeoutMs: 2_500 });
  const begunMs = performance.now();
  const fault = await faultOf(client.range({ key: '/minority' }));
  assert.ok(performance.now() - begunMs < 2_800);
  assert.match(
    `${fault.code}: ${fault.summary}`,
    /^etcd.unavailable: etcd cannot serve read "\/minority" now \(.*\): etcd says: no leader \(gRPC code 14\); no other endpoint served it either: https:/,
  );
  const statuses = await client.status();
  assert.deepEqual(statuses.map((status) => ('fault' in status ? status.fault.code : 'up')).toSorted(), [
    'etcd.tcp',
    'etcd.tcp',
    'up',
  ]);
});

function processIsThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** For calls that fail while the members elect a leader. */
async function retried(call: () => Promise<unknown>): Promise<void> {
  for (let attempt = 0; attempt < 20; attempt++) {
    try {
      await call();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  throw new Error('it did not succeed in 20 attempts');
}
