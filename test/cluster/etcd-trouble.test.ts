/**
 * The agent, the real kernel and a real etcd that goes wrong: restored from a backup, compacted, emptied, without a leader, with
 * members that are killed, stopped or slow. The agent recovers by itself, and not one route to a peer is withdrawn.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Etcd } from '#etcd/api.ts';
import { connectEtcd } from '#etcd/client.ts';
import { type EtcdCluster, startEtcdCluster } from '#lab/etcd-cluster.ts';
import type { EtcdMember } from '#lab/etcd-member.ts';
import { Fault } from '#runtime/fault.ts';
import { AgentHost, etcdFlags, eventually, PREFIX, type RunningAgent } from './agent-host.ts';

const NETWORK = '{"Network":"172.30.0.0/16","SubnetLen":24,"SubnetMin":"172.30.128.0","Backend":{"Type":"vxlan"}}';
const SUBNETS = `${PREFIX}/subnets/`;

function record(number: number): string {
  return JSON.stringify({
    PublicIP: `10.77.1.${number}`,
    PublicIPv6: null,
    BackendType: 'vxlan',
    BackendData: { VNI: 1, VtepMAC: `8a:1b:af:8c:b2:${10 + number}` },
  });
}

interface Site {
  readonly host: AgentHost;
  readonly cluster: EtcdCluster;
  readonly etcd: Etcd;
  readonly agent: RunningAgent;
  /** Routes to peers that the kernel has deleted since the agent was ready. */
  readonly withdrawn: () => readonly string[];
  putPeer(number: number): Promise<void>;
  /** Waits until so many peers are routed to. */
  routed(count: number): Promise<unknown>;
  ownKeys(): Promise<readonly string[]>;
}

/** A host with a cluster of its own and six peers; `beforeAgent` runs when two of them are there. */
async function site(
  context: TestContext,
  members: number,
  beforeAgent: (cluster: EtcdCluster) => void = () => undefined,
): Promise<Site> {
  const host = new AgentHost(context);
  const { namespace } = host;
  const directory = mkdtempSync('/dev/shm/weft-etcd-trouble-');
  const cluster = await startEtcdCluster({
    directory,
    members: Array.from({ length: members }, (_, index) => ({
      name: `e${index + 1}`,
      address: `127.0.1.${index + 1}`,
      namespace,
    })),
    tls: false,
  });
  context.after(async () => {
    await cluster.stop();
    rmSync(directory, { recursive: true });
  });
  const etcd = connectEtcd({ endpoints: cluster.localEndpoints, timeoutMs: 2_500 });
  context.after(() => etcd.close());
  /** A member that is stopped with the request in its hands leaves it unanswered: the same again does no harm. */
  const putPeer = async (number: number): Promise<void> => {
    for (;;) {
      try {
        await etcd.put({ key: `${SUBNETS}172.30.${number}.0-24`, value: record(number) });
        return;
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
      }
    }
  };
  await etcd.put({ key: `${PREFIX}/config`, value: NETWORK });
  for (const number of [1, 2]) await putPeer(number);
  beforeAgent(cluster);
  for (const number of [3, 4, 5, 6]) await putPeer(number);
  const agent = host.start(context, ...etcdFlags(cluster));
  await agent.ready();
  const withdrawn = watchWithdrawals(context, namespace);
  const routed = (count: number): Promise<unknown> =>
    eventually(
      () =>
        host
          .print('ip', 'route')
          .split('\n')
          .filter((line) => line.includes('flannel.1')).length,
      (found) => found === count,
      'routes to peers',
    );
  await routed(6);
  return {
    host,
    cluster,
    etcd,
    agent,
    withdrawn,
    putPeer,
    routed,
    async ownKeys() {
      const { kvs } = await etcd.range({ key: SUBNETS, rangeEnd: `${PREFIX}/subnets0` });
      return kvs.filter(({ value }) => value.includes('"10.77.0.11"')).map(({ key }) => key);
    },
  };
}

function watchWithdrawals(context: TestContext, namespace: string): () => readonly string[] {
  const monitor = spawn('ip', ['-n', namespace, 'monitor', 'route'], { stdio: ['ignore', 'pipe', 'ignore'] });
  let text = '';
  monitor.stdout.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
  });
  context.after(() => {
    monitor.kill();
  });
  return () => text.split('\n').filter((line) => line.startsWith('Deleted') && line.includes('flannel.1'));
}

function etcdctl(member: EtcdMember, ...words: readonly string[]): string {
  const env = { PATH: process.env['PATH'], ETCDCTL_API: '3' };
  return execFileSync('etcdctl', [`--endpoints=${member.localEndpoint}`, ...words], {
    encoding: 'utf8',
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

function memberOf({ members }: EtcdCluster, index = 0): EtcdMember {
  return members[index] ?? assert.fail('no such member');
}

async function kill({ pid }: EtcdMember): Promise<void> {
  process.kill(pid, 'SIGKILL');
  await eventually(
    () => stateOf(pid),
    (state) => state === 'Z' || state === undefined,
    'the member is gone',
  );
}

/** As in `ps`; undefined when there is no such process. */
function stateOf(pid: number): string | undefined {
  if (!existsSync(`/proc/${pid}/stat`)) return undefined;
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.slice(0, 1);
  } catch {
    return undefined;
  }
}

for (const compacted of [false, true]) {
  test(`a restore from a backup${compacted ? ', compacted,' : ''} without our lease and four of six peers: the own key is back, the peers are held`, async (context) => {
    let snapshot = '';
    const { cluster, etcd, agent, withdrawn, putPeer, routed, ownKeys } = await site(context, 1, (fresh) => {
      const member = memberOf(fresh);
      snapshot = join(member.directory, 'backup.db');
      etcdctl(member, 'snapshot', 'save', snapshot);
    });
    const own = await ownKeys();
    assert.equal(own.length, 1);
    const member = memberOf(cluster);
    await kill(member);
    const data = join(member.directory, 'data');
    rmSync(data, { recursive: true });
    const peer = 'http://127.0.1.1:2380';
    etcdctl(
      member,
      'snapshot',
      'restore',
      snapshot,
      '--name=e1',
      `--data-dir=${data}`,
      `--initial-cluster=e1=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
    );
    await cluster.restart('e1');
    if (compacted) await etcd.compact((await etcd.range({ key: 'any' })).revision);
    await agent.logged(/peers are not in etcd any more and held" held=4 known=6/);
    assert.deepEqual(await ownKeys(), own);
    for (const number of [3, 4, 5, 6]) await putPeer(number);
    await agent.logged(/all peers held are in etcd again/);
    // The watch goes on in the new history.
    await putPeer(7);
    await routed(7);
    assert.deepEqual(withdrawn(), []);
    assert.doesNotMatch(agent.log(), /peer removed/);
  });
}

test('an emptied keyspace: the own key is back at once, the peers are held, and SIGHUP withdraws them', async (context) => {
  const { etcd, agent, withdrawn, routed, ownKeys } = await site(context, 1);
  const own = await ownKeys();
  await etcd.delete({ key: SUBNETS, rangeEnd: `${PREFIX}/subnets0` });
  await agent.logged(/peers are not in etcd any more and held" held=6 known=6/);
  assert.deepEqual(await ownKeys(), own);
  assert.deepEqual(withdrawn(), []);
  agent.process.kill('SIGHUP');
  await routed(0);
});

test('members killed, stopped and made to lose the lead one after the other: changes go on arriving, nothing is withdrawn', async (context) => {
  const { cluster, etcd, agent, withdrawn, putPeer, routed, ownKeys } = await site(context, 3);
  const own = await ownKeys();
  // Each in turn, so that the member that serves the watch is among them.
  for (const [index, member] of cluster.members.entries()) {
    process.kill(member.pid, 'SIGSTOP');
    try {
      await pause(200);
      await putPeer(10 + index);
      await routed(7 + index);
    } finally {
      process.kill(member.pid, 'SIGCONT');
    }
    etcdctl(member, 'endpoint', 'health', '--command-timeout=10s');
  }
  const statuses = await etcd.status();
  const known = statuses.flatMap((status) => ('leaderId' in status ? [status] : []));
  const leader = known.find(({ memberId, leaderId }) => memberId === leaderId) ?? assert.fail('no leader');
  const follower = known.find(({ memberId, leaderId }) => memberId !== leaderId) ?? assert.fail('no follower');
  const leading = cluster.members.find(({ localEndpoint }) => localEndpoint === leader.endpoint) ?? assert.fail();
  etcdctl(leading, 'move-leader', follower.memberId.toString(16));
  await putPeer(20);
  await routed(10);
  const running: EtcdMember[] = [];
  for (const [index, member] of cluster.members.entries()) {
    await kill(member);
    await putPeer(30 + index);
    running.push(await cluster.restart(member.name));
  }
  await routed(13);
  // All of them at once, and a compaction before anybody listens again.
  for (const member of running) await kill(member);
  await Promise.all(cluster.members.map(({ name }) => cluster.restart(name)));
  await putPeer(40);
  await etcd.compact((await etcd.range({ key: 'any' })).revision);
  await routed(14);
  assert.deepEqual(await ownKeys(), own);
  assert.deepEqual(withdrawn(), []);
  assert.doesNotMatch(agent.log(), /peer removed/);
});
