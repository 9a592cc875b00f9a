/** Two agents on each host, a network each, as in flannel's own suite "multi": every address goes its own network's way. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Etcd } from '#etcd/api.ts';
import { connectEtcd } from '#etcd/client.ts';
import { type AgentHost, etcdFlags, eventually, type RunningAgent } from './agent-host.ts';
import { connectHosts } from './agent-segment.ts';

const NETWORKS = {
  vxlan: { prefix: '/vxlan/network', document: '{"Network":"10.11.0.0/16","Backend":{"Type":"vxlan"}}' },
  hostgw: { prefix: '/hostgw/network', document: '{"Network":"10.12.0.0/16","Backend":{"Type":"host-gw"}}' },
} as const;

type Name = keyof typeof NETWORKS;

interface Running {
  readonly agent: RunningAgent;
  /** The first address of the subnet, which the host has on its loopback. */
  readonly address: string;
}

async function start(context: TestContext, host: AgentHost, name: Name, flags: readonly string[]): Promise<Running> {
  const file = join(host.directory, `${name}.env`);
  const { prefix } = NETWORKS[name];
  const files = ['-subnet-file', file, '-cache-file', join(host.directory, `${name}.json`)];
  files.push('-control-socket', join(host.directory, `${name}.sock`));
  const agent = host.start(context, ...flags, '-etcd-prefix', prefix, ...files, '-ip-masq');
  await agent.ready();
  const text = execFileSync('cat', [file], { encoding: 'utf8' });
  const address = /^FLANNEL_SUBNET=(.*)\/24$/m.exec(text)?.[1] ?? assert.fail(text);
  host.batch(`address add ${address}/32 dev lo`);
  return { agent, address };
}

function answers(host: AgentHost, from: string, to: string): boolean {
  try {
    const argv = ['netns', 'exec', host.namespace, 'ping', '-q', '-c', '1', '-W', '1', '-I', from, to];
    execFileSync('ip', argv, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

test('two networks on each host: each is reached over its own backend alone, and the agents leave each other in peace', async (context) => {
  const [first, second] = connectHosts(context);
  // Else a host answers ARP over eth0 for every address that it has.
  for (const { namespace } of [first, second]) {
    const argv = ['netns', 'exec', namespace, 'tee', '/proc/sys/net/ipv4/conf/all/arp_ignore'];
    execFileSync('ip', argv, { input: '1' });
  }
  const cluster = await first.etcd(context);
  const etcd: Etcd = connectEtcd({ endpoints: cluster.localEndpoints });
  context.after(() => etcd.close());
  for (const { prefix, document } of Object.values(NETWORKS)) {
    await etcd.put({ key: `${prefix}/config`, value: document });
  }
  const flags = etcdFlags(cluster);
  const here = {
    vxlan: await start(context, first, 'vxlan', flags),
    hostgw: await start(context, first, 'hostgw', flags),
  };
  const there = {
    vxlan: await start(context, second, 'vxlan', flags),
    hostgw: await start(context, second, 'hostgw', flags),
  };
  for (const name of ['vxlan', 'hostgw'] as const) {
    const [from, to] = [here[name].address, there[name].address];
    await eventually(() => answers(first, from, to), Boolean, `${from} reaches ${to}`);
    assert.ok(answers(second, to, from));
  }
  assert.ok(!answers(first, 'flannel.1', there.hostgw.address), 'host-gw is not reached through the tunnel');
  assert.ok(!answers(first, 'eth0', there.vxlan.address), 'vxlan is not reached beside the tunnel');

  const saved = (): string =>
    execFileSync('ip', ['netns', 'exec', first.namespace, 'iptables-save'], { encoding: 'utf8' });
  const rules = saved();
  for (const network of ['10.11.0.0/16', '10.12.0.0/16']) {
    assert.ok(rules.includes(`-A FLANNEL-FWD -s ${network}`) && rules.includes(`-A FLANNEL-POSTRTG ! -s ${network}`));
  }
  const logs = (): string => here.vxlan.agent.log() + here.hostgw.agent.log();
  const before = logs();
  await sleep(1000);
  assert.equal(logs(), before, 'nobody repairs what the other wrote');
});
