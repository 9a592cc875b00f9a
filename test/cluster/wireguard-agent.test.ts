/** The agent as a process with the wireguard backend: two hosts, real etcd, real tunnels by wireguard-go. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Etcd } from '#etcd/api.ts';
import { connectEtcd } from '#etcd/client.ts';
import { userSpaceControl } from '#wireguard/user-space-control.ts';
import { AgentHost, etcdFlags, PREFIX, type RunningAgent } from './agent-host.ts';

const NETWORK = '{"Network":"10.5.0.0/16","Backend":{"Type":"wireguard","PersistentKeepaliveInterval":5}}';
const PATIENCE_MS = 20_000;

interface Site {
  readonly first: WireguardAgentHost;
  readonly second: WireguardAgentHost;
  readonly etcd: Etcd;
}

/** A host whose agent keeps its sockets and its key in the host's own directory, as in a lab. */
class WireguardAgentHost {
  readonly host: AgentHost;
  /** All hosts of the test. */
  site: readonly WireguardAgentHost[] = [];
  readonly flags: readonly string[];
  readonly #running: RunningAgent[];
  readonly #context: TestContext;

  constructor(context: TestContext, host: AgentHost, flags: readonly string[], running: RunningAgent[]) {
    this.#context = context;
    this.host = host;
    this.flags = flags;
    this.#running = running;
  }

  get keyFile(): string {
    return join(this.host.directory, 'wgkey');
  }

  start(): RunningAgent {
    process.env['WEFT_WIREGUARD_DIRECTORY'] = join(this.host.directory, 'wireguard');
    process.env['WIREGUARD_KEY_FILE'] = this.keyFile;
    const agent = this.host.start(this.#context, ...this.flags);
    this.#running.push(agent);
    return agent;
  }

  /** Address of a Pod here, with a device for it. */
  addPod(): string {
    const [, base] = /^FLANNEL_SUBNET=([\d.]+)\.1\/24$/m.exec(this.host.readSubnetFile()) ?? [];
    this.host.batch(
      'link add pod0 type veth peer name pod0p',
      'link set pod0 up',
      'link set pod0p up',
      `address add ${base}.2/24 dev pod0`,
    );
    return `${base}.2`;
  }

  /** For the message of a failure. */
  /** Waits until its peers have that keepalive. */
  async keepsAlive(seconds: number): Promise<void> {
    const control = userSpaceControl(join(this.host.directory, 'wireguard'));
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      const peers = (await control.read('flannel-wg'))?.peers ?? [];
      if (peers.length > 0 && peers.every(({ keepaliveSeconds }) => keepaliveSeconds === seconds)) return;
      assert(performance.now() < deadline, `no keepalive of ${seconds} s\n${await this.#state()}`);
      await pause(10);
    }
  }

  /** For the message of a failure: what both devices know of each other, and what the agents said. */
  async #state(): Promise<string> {
    const parts: string[] = [];
    for (const { host } of this.site) {
      const control = userSpaceControl(join(host.directory, 'wireguard'));
      const peers = (await control.read('flannel-wg'))?.peers.map((peer) => JSON.stringify(peer));
      parts.push(host.print('ip', 'route'), ...(peers ?? ['no device']));
    }
    return [...parts, ...this.#running.map((agent) => agent.log())].join('\n---\n');
  }

  ping(from: string, to: string, ...options: readonly string[]): ReturnType<typeof spawn> {
    const argv = ['ping', '-q', '-W', '1', '-I', from, ...options, to];
    return spawn('nsenter', [`--net=/run/netns/${this.host.namespace}`, ...argv], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  }

  /** Waits until a ping is answered. */
  async reaches(from: string, to: string, what: string): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      const [code] = await once(this.ping(from, to, '-c', '1'), 'exit');
      if (code === 0) return;
      assert(performance.now() < deadline, `not in time: ${what}\n${await this.#state()}`);
    }
  }
}

/** Two hosts on one switch; the first has etcd, with the network document. */
async function site(context: TestContext): Promise<Site> {
  const running: RunningAgent[] = [];
  // Before the hosts go: an agent would make its device again.
  context.after(async () => {
    for (const agent of running) {
      agent.process.kill('SIGKILL');
      await agent.ended;
    }
  });
  const center = `weft-wga-${process.pid}`;
  execFileSync('ip', ['netns', 'add', center]);
  context.after(() => execFileSync('ip', ['netns', 'delete', center]));
  execFileSync('ip', ['-n', center, 'link', 'add', 'br0', 'up', 'type', 'bridge']);
  const hosts = ['10.77.0.11/16', '10.77.0.12/16'].map((address, index) => {
    const host = new AgentHost(context, address);
    host.batch(`link set eth0p netns ${center} name port${index}`);
    execFileSync('ip', ['-n', center, 'link', 'set', `port${index}`, 'master', 'br0', 'up']);
    return host;
  });
  const [one, two] = hosts;
  assert(one !== undefined && two !== undefined);
  const cluster = await one.etcd(context);
  const etcd = connectEtcd({ endpoints: cluster.localEndpoints, ...cluster.tls });
  context.after(() => etcd.close());
  await etcd.put({ key: `${PREFIX}/config`, value: NETWORK });
  const flags = etcdFlags(cluster);
  const first = new WireguardAgentHost(context, one, flags, running);
  const second = new WireguardAgentHost(context, two, flags, running);
  first.site = [first, second];
  second.site = first.site;
  return { etcd, first, second };
}

test('agents encrypt between Pods, publish what flannel does, and may be killed without a lost packet', async (context) => {
  const { first, second, etcd } = await site(context);
  const agents = [first.start(), second.start()];
  await Promise.all(agents.map((agent) => agent.ready()));
  const [from, to] = [first.addPod(), second.addPod()];
  await first.reaches(from, to, 'the tunnel opens');

  assert.match(first.host.readSubnetFile(), /^FLANNEL_MTU=1420$/m);
  assert.equal(first.host.print('ip', 'route', 'show', 'dev', 'flannel-wg').trim(), '10.5.0.0/16 scope link');
  assert.equal(statSync(first.keyFile).mode & 0o777, 0o400);
  const [record] = await records(etcd);
  assert.match(
    record ?? '',
    /^\{"PublicIP":"10\.77\.0\.1\d","PublicIPv6":null,"BackendType":"wireguard","BackendData":\{"PublicKey":"[\w+/]{43}=","Port":51820\}\}$/,
  );

  const device = first.host.print('ip', '-o', 'link', 'show', 'flannel-wg').split(':')[0];
  const ping = first.ping(from, to, '-c', '100', '-i', '0.02');
  let printed = '';
  ping.stdout?.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
  });
  const pinged = once(ping, 'exit');
  agents[0]?.process.kill('SIGKILL');
  await agents[0]?.ended;
  const again = first.start();
  await again.ready();
  again.process.kill('SIGTERM');
  assert.equal(await again.ended, 0);
  await pinged;
  assert.match(printed, /100 packets transmitted, 100 received/);
  assert.equal(first.host.print('ip', '-o', 'link', 'show', 'flannel-wg').split(':')[0], device);
  assert.match(
    again.log(),
    /msg="wireguard chosen" way=\S+ why="(a program serves flannel-wg already|the kernel has WireGuard)"/,
  );
});

test('a host whose device is deleted is back at once, and one with a new key is followed', async (context) => {
  const { first, second } = await site(context);
  const agents = [first.start(), second.start()];
  await Promise.all(agents.map((agent) => agent.ready()));
  const [from, to] = [first.addPod(), second.addPod()];
  await first.reaches(from, to, 'the tunnel opens');

  // The keepalive that one end defers follows, and is no damage that somebody did.
  for (const host of [first, second]) await host.keepsAlive(5);
  for (const agent of agents) assert.doesNotMatch(agent.log(), /drift repaired/);
  first.host.batch('link delete flannel-wg');
  await first.reaches(from, to, 'the tunnel opens again');

  agents[1]?.process.kill('SIGTERM');
  await agents[1]?.ended;
  execFileSync('rm', [second.keyFile]);
  await second.start().ready();
  await first.reaches(from, to, 'the new key is followed');
});

async function records(etcd: Etcd): Promise<readonly string[]> {
  const { kvs } = await etcd.range({ key: `${PREFIX}/subnets/`, rangeEnd: `${PREFIX}/subnets0` });
  return kvs.map(({ value }) => value);
}
