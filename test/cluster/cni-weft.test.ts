/** Pods made as a runtime makes them: the shim asks the real agent, and Pods of two hosts reach each other over VXLAN. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { connectEtcd } from '#etcd/client.ts';
import { type AgentHost, etcdFlags, eventually, PREFIX } from './agent-host.ts';
import { connectHosts } from './agent-segment.ts';

const SHIM = join(import.meta.dirname, '../../native/build/cni-weft');
const DOCUMENT = {
  EnableIPv4: true,
  EnableIPv6: true,
  Network: '172.30.0.0/16',
  IPv6Network: 'fd30::/56',
  Backend: { Type: 'vxlan' },
};

interface Answer {
  readonly code: number | null;
  readonly json: {
    readonly ips?: readonly { readonly address: string }[];
    readonly code?: number;
    readonly msg?: string;
  };
}

function shim(host: AgentHost, command: string, container: string): Answer {
  const config = {
    cniVersion: '1.0.0',
    name: 'pods',
    type: 'weft',
    dataDir: `${host.directory}/records`,
    ipam: { dataDir: `${host.directory}/addresses` },
  };
  const env = {
    WEFT_CONTROL_SOCKET: host.controlSocket,
    CNI_COMMAND: command,
    CNI_CONTAINERID: container,
    CNI_NETNS: `/run/netns/${container}`,
    CNI_IFNAME: 'eth0',
    CNI_PATH: '/opt/cni/bin',
  };
  const { status, stdout } = spawnSync(SHIM, { input: JSON.stringify(config), env, encoding: 'utf8', timeout: 60_000 });
  return { code: status, json: stdout === '' ? {} : JSON.parse(stdout) };
}

function pod(context: TestContext, host: AgentHost, number: number): string {
  const name = `${host.namespace}-p${number}`;
  execFileSync('ip', ['netns', 'add', name]);
  context.after(() => execFileSync('ip', ['netns', 'delete', name]));
  return name;
}

function addresses({ code, json }: Answer): readonly string[] {
  assert.equal(code, 0, JSON.stringify(json));
  return (json.ips ?? []).map(({ address }) => address.replace(/\/\d+$/, ''));
}

function pings(from: string, address: string): boolean {
  return spawnSync('ip', ['netns', 'exec', from, 'ping', '-c', '1', '-W', '1', '-q', address]).status === 0;
}

test('Pods attached by the shim on two hosts reach each other in both families, also after the agent was killed and started again', async (context) => {
  const hosts = connectHosts(context);
  const [first, second] = hosts;
  const cluster = await first.etcd(context);
  const etcd = connectEtcd({ endpoints: cluster.localEndpoints });
  context.after(() => etcd.close());
  await etcd.put({ key: `${PREFIX}/config`, value: JSON.stringify(DOCUMENT) });
  const early = shim(first, 'ADD', 'early');
  assert.equal(early.json.code, 11);
  assert.match(early.json.msg ?? '', /does not run here, or is still starting/);
  const agents = hosts.map((host) => host.start(context, ...etcdFlags(cluster)));
  await Promise.all(agents.map((agent) => agent.ready()));
  for (const host of hosts) await eventually(() => existsSync(host.controlSocket), Boolean, 'the control socket');

  const [here, there] = [pod(context, first, 1), pod(context, second, 1)];
  addresses(shim(first, 'ADD', here));
  const far = addresses(shim(second, 'ADD', there));
  assert.equal(far.length, 2);
  for (const address of far) await eventually(() => pings(here, address), Boolean, `ping of ${address}`);

  agents[1]?.process.kill('SIGKILL');
  await agents[1]?.ended;
  assert.match(shim(second, 'DEL', there).json.msg ?? '', /weft's agent has ended/);
  await second.start(context, ...etcdFlags(cluster)).ready();
  await eventually(
    () => shim(second, 'CHECK', there).code,
    (code) => code === 0,
    'CHECK by the next agent',
  );
  const next = pod(context, second, 2);
  for (const address of addresses(shim(second, 'ADD', next))) {
    assert(!far.includes(address));
    await eventually(() => pings(here, address), Boolean, `ping of ${address}`);
  }
  for (const container of [there, next]) assert.equal(shim(second, 'DEL', container).code, 0);
  assert.equal(second.print('ip', '-br', 'link', 'show', 'master', 'cni0'), '');
  shim(first, 'DEL', here);
});
