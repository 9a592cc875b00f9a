/** weft status and /metrics of the real agent, as an operator and a monitor meet them. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { readMetrics } from '#agent/health/test-metrics-text.ts';
import type { StatusReport } from '#agent/publish/status-report.ts';
import { connectEtcd } from '#etcd/client.ts';
import type { EtcdCluster } from '#lab/etcd-cluster.ts';
import { AgentHost, etcdFlags, eventually, PREFIX, WEFT } from './agent-host.ts';
import { testLab } from './lab-fixture.ts';

const NETWORK = '{"Network":"172.30.0.0/16","SubnetLen":24,"Backend":{"Type":"vxlan"}}';
const PORT = '8472';
const ASK = 'fetch(process.argv[1]).then(async (answer) => process.stdout.write(await answer.text()))';

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly error: string;
}

function inside(host: AgentHost, ...argv: readonly string[]): Ended {
  const words = [`--net=/run/netns/${host.namespace}`, ...argv];
  const { status, stdout, stderr } = spawnSync('nsenter', words, { encoding: 'utf8', timeout: 60_000 });
  return { code: status, out: stdout, error: stderr };
}

function weftStatus(host: AgentHost, ...words: readonly string[]): Ended {
  return inside(host, WEFT, 'status', '--socket', host.controlSocket, ...words);
}

function report(host: AgentHost): StatusReport {
  return JSON.parse(weftStatus(host, '-o', 'json').out);
}

async function site(context: TestContext): Promise<{ host: AgentHost; cluster: EtcdCluster }> {
  const host = new AgentHost(context);
  const cluster = await host.etcd(context);
  return { host, cluster };
}

async function publishNetwork({ localEndpoints, tls }: EtcdCluster): Promise<void> {
  const etcd = connectEtcd({ endpoints: localEndpoints, ...tls });
  await etcd.put({ key: `${PREFIX}/config`, value: NETWORK });
  etcd.close();
}

test('an agent tells why it is not ready, then that it is, then that etcd is away', async (context) => {
  const { host, cluster } = await site(context);
  const missing = weftStatus(host);
  assert.equal(missing.code, 1);
  assert.match(missing.error, /there is no control socket, and no process here is an agent/);
  const agent = host.start(context, '-healthz-port', PORT, ...etcdFlags(cluster));
  await eventually(() => existsSync(host.controlSocket), Boolean, 'the control socket');
  assert.equal(statSync(host.controlSocket).mode & 0o777, 0o600);

  await context.test('before there is a network', () => {
    const waiting = weftStatus(host);
    assert.equal(waiting.code, 1);
    assert.match(waiting.out, /^trouble: there is no network configuration .*\nremedy: write one: weft network set/);
  });

  await publishNetwork(cluster);
  await agent.ready();

  await context.test('when it is ready', () => {
    const page = weftStatus(host);
    assert.equal(page.code, 0, page.out + page.error);
    assert.match(page.out, /^ok: 172\.30\.\d+\.0\/24, 0 peers, etcd connected\n/);
    const { lease, devices, agent: process } = report(host);
    assert(host.readSubnetFile().includes(`FLANNEL_SUBNET=${lease?.subnets[0]?.replace('.0/', '.1/')}`));
    assert(host.print('ip', 'link', 'show', 'flannel.1').includes(devices[0]?.mac ?? 'no MAC'));
    const resident = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${process.pid}/status`, 'utf8'))?.[1]) * 1024;
    assert(Math.abs(process.residentBytes - resident) < 30e6, `${process.residentBytes} and ${resident}`);
  });

  await context.test('to a monitor', () => {
    const { out } = inside(host, process.execPath, '-e', ASK, `http://127.0.0.1:${PORT}/metrics`);
    const metrics = readMetrics(out);
    assert.equal(metrics.get('weft_ready')?.samples.get('weft_ready'), 1);
    assert.equal(
      metrics.get('weft_kernel_operations_total')?.samples.get('weft_kernel_operations_total{kind="device-add"}'),
      1,
    );
  });

  await context.test('a second agent on this socket is warned, and takes nothing away', async () => {
    const other = new AgentHost(context, '10.77.0.12/16');
    const second = other.start(context, '-control-socket', host.controlSocket, ...etcdFlags(cluster));
    await second.logged(/control socket not opened.*an agent that runs listens there/);
    assert.equal(weftStatus(host).code, 0);
  });

  await cluster.stop();
  await context.test('when etcd is away', async () => {
    const page = await eventually(
      () => weftStatus(host),
      ({ code }) => code === 1,
      'trouble',
    );
    assert.match(page.out, /^trouble: the store is away: .* since \d{4}-.*; forwarding goes on\nremedy: /);
    assert.equal(report(host).ready, true);
  });

  await context.test('after SIGKILL the socket is one of a dead agent, after SIGTERM it is gone', async () => {
    agent.process.kill('SIGKILL');
    await agent.ended;
    assert.match(weftStatus(host).error, /the control socket is one that a dead agent left/);
    const next = host.start(context, ...etcdFlags(cluster));
    await eventually(
      () => weftStatus(host).out,
      (out) => out.startsWith('trouble: '),
      'the next agent',
    );
    next.process.kill('SIGTERM');
    assert.equal(await next.ended, 0);
    assert.equal(existsSync(host.controlSocket), false);
  });
});

test('in a lab weft status asks the agent of the host, and the lab shows the verdict of each', async (context) => {
  const lab = testLab(context);
  const snapshot = await lab.up();
  for (const host of snapshot.hosts) {
    const { code, stdout } = await lab.weft('exec', host.name, '--', 'weft', 'status', '-o', 'wide');
    assert.equal(code, 0, stdout);
    assert(stdout.startsWith(`ok: ${host.lease}, 2 peers, etcd connected\n`), stdout);
    for (const peer of snapshot.hosts) {
      if (peer !== host) assert.match(stdout, new RegExp(`\n${peer.lease} +${peer.address} +${peer.deviceMac} `));
    }
  }
  const { stdout } = await lab.weft('status');
  assert.equal(stdout.match(/ ok /g)?.length, 3);
  await lab.weft('kill-agent', 'host2');
  const killed = await lab.weft('exec', 'host2', '--', 'weft', 'status');
  assert.equal(killed.code, 1);
  assert.match(killed.stderr, /a dead agent left, and no process here is an agent/);
});
