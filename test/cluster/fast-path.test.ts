/** `-fast-path bpf` of the real agent: what an operator sees of it, and what is left when the agent ends. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { type TestContext, test } from 'node:test';
import type { StatusReport } from '#agent/publish/status-report.ts';
import { connectEtcd } from '#etcd/client.ts';
import type { EtcdCluster } from '#lab/etcd-cluster.ts';
import { linksAt } from '../kernel/bpf-links.ts';
import { AgentHost, etcdFlags, eventually, PREFIX, WEFT } from './agent-host.ts';

async function site(context: TestContext, type: string): Promise<{ host: AgentHost; cluster: EtcdCluster }> {
  const host = new AgentHost(context);
  const cluster = await host.etcd(context);
  const etcd = connectEtcd({ endpoints: cluster.localEndpoints, ...cluster.tls });
  await etcd.put({ key: `${PREFIX}/config`, value: `{"Network":"172.30.0.0/16","Backend":{"Type":"${type}"}}` });
  etcd.close();
  return { host, cluster };
}

function inside(namespace: string, ...argv: readonly string[]): string {
  return execFileSync('nsenter', [`--net=/run/netns/${namespace}`, ...argv], { encoding: 'utf8', timeout: 60_000 });
}

function statusOf({ namespace, controlSocket }: AgentHost, ...words: readonly string[]): string {
  const argv = [`--net=/run/netns/${namespace}`, WEFT, 'status', '--socket', controlSocket, ...words];
  // Its exit code is the verdict.
  return spawnSync('nsenter', argv, { encoding: 'utf8', timeout: 60_000 }).stdout;
}

function fastPathOf(host: AgentHost): StatusReport['fastPath'] {
  const report: StatusReport = JSON.parse(statusOf(host, '-o', 'json'));
  return report.fastPath;
}

/** A bridge in the agent's subnet with a Pod that has said something. */
function addPod(context: TestContext, host: AgentHost): string {
  const base = /^FLANNEL_SUBNET=(\d+\.\d+\.\d+)\./m.exec(host.readSubnetFile())?.[1] ?? '';
  const pod = `${host.namespace}-pod`;
  execFileSync('ip', ['netns', 'add', pod]);
  context.after(() => void execFileSync('ip', ['netns', 'delete', pod]));
  host.batch(
    'link add cni0 type bridge',
    `address add ${base}.1/24 dev cni0`,
    'link set cni0 up',
    `link add vpod type veth peer name eth0 netns ${pod}`,
    'link set vpod master cni0 up',
  );
  inside(pod, 'ip', 'address', 'add', `${base}.2/24`, 'dev', 'eth0');
  inside(pod, 'ip', 'link', 'set', 'eth0', 'up');
  inside(pod, 'ping', '-c', '1', '-W', '10', `${base}.1`);
  return `${base}.2`;
}

test('a Pod is taken on the fast path and weft status says so; without the agent no program is left', async (context) => {
  const { host, cluster } = await site(context, 'vxlan');
  const agent = host.start(context, ...etcdFlags(cluster), '-fast-path', 'bpf');
  await agent.ready();
  const address = addPod(context, host);
  const isFast = (report: StatusReport['fastPath']): boolean => report?.pods[0]?.path === 'fast';
  const report = await eventually(() => fastPathOf(host), isFast, agent.log());
  assert.deepEqual(report?.pods, [{ device: 'vpod', addresses: [address], path: 'fast' }]);
  assert.match(statusOf(host), /Fast path +on for 1 of 1 Pod,/);
  const standing = (): string => ['flannel.1', 'vpod'].map((each) => linksAt(host.namespace, each).length).join();
  assert.equal(standing(), '1,1');
  agent.process.kill('SIGKILL');
  await agent.ended;
  await eventually(standing, (text) => text === '0,0', 'programs');
  const without = host.start(context, ...etcdFlags(cluster));
  await without.ready();
  await eventually(
    () => statusOf(host),
    (text) => /^Kernel/m.test(text),
    'status',
  );
  assert.equal(fastPathOf(host), undefined, 'off is the default');
});

test('with another backend it is refused with the reason, and the agent gets ready all the same', async (context) => {
  const { host, cluster } = await site(context, 'host-gw');
  const agent = host.start(context, ...etcdFlags(cluster), '-fast-path', 'bpf');
  await agent.ready();
  await agent.logged(/fast path not in use.*host-gw/);
  const isSaid = (text: string): boolean => /Fast path +not in use: it is for the backend vxlan/.test(text);
  await eventually(() => statusOf(host), isSaid, 'status');
});
