/** The fast path on the real kernel: two hosts, a Pod each, real programs, real packets. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { BpfPathKernel } from '#agent/fast-path/bpf-path-kernel.ts';
import { FastPath } from '#agent/fast-path/fast-path.ts';
import { lookAtFirewall } from '#agent/fast-path/look-at-firewall.ts';
import type { FastPathReport } from '#agent/publish/status-report.ts';
import { watchNftables } from '#firewall/events.ts';
import { enterNamespace } from '#hosts/namespace.ts';
import { systemClock } from '#runtime/clock.ts';
import { createLog } from '#runtime/log.ts';
import { detachLink, linksAt } from './bpf-links.ts';
import { NETWORK, type PathHost, PathHosts, runIn, TUNNEL } from './fast-path-hosts.ts';

const PATIENCE_MS = 20_000;
/** Answers each connection and each datagram on a port with the address it came from. */
const ECHO = `
const net = require('node:net'), dgram = require('node:dgram');
net.createServer((socket) => { socket.on('error', () => {}); socket.end(socket.remoteAddress.replace('::ffff:', '')); }).listen(7000, '0.0.0.0');
net.createServer((socket) => { socket.on('error', () => {}); socket.pipe(socket); }).listen(7002, '0.0.0.0');
const udp = dgram.createSocket('udp4');
udp.on('message', (_, from) => udp.send(from.address, from.port, from.address));
udp.bind(7000, () => console.log('ready'));
`;
/** Asks address and port by TCP or UDP; prints the answer. */
const ASK = `
const [protocol, address, port] = process.argv.slice(1);
setTimeout(() => process.exit(9), 8000);
const answer = (text) => { process.stdout.write(String(text)); process.exit(0); };
if (protocol === 'tcp') {
  let text = '';
  const socket = require('node:net').connect(Number(port), address);
  socket.on('data', (part) => { text += part; }).on('end', () => answer(text)).on('error', () => process.exit(8));
} else {
  const socket = require('node:dgram').createSocket('udp4');
  socket.on('message', answer);
  socket.send('?', Number(port), address);
}
`;

class Bench {
  readonly hosts = new PathHosts();
  readonly paths: readonly FastPath[];
  readonly kernels: BpfPathKernel[] = [];
  log = '';
  readonly #servers: ChildProcess[] = [];

  constructor(context: TestContext) {
    context.after(() => this.close());
    const write = (line: string): void => {
      this.log += line;
    };
    this.paths = this.hosts.hosts.map(
      ({ path, namespace }) =>
        new FastPath({
          openKernel: () => {
            const kernel = new BpfPathKernel(path);
            this.kernels.push(kernel);
            return kernel;
          },
          lookAtFirewall: () => lookAtFirewall(runIn(namespace)),
          watchFirewall: (listener) => watchNftables(listener, path, () => true),
          clock: systemClock,
          log: createLog({ verbose: true, journal: false, write, now: () => 0 }),
        }),
    );
  }

  get hostsByNumber(): readonly [PathHost, PathHost] {
    return this.hosts.hosts;
  }

  /** Both agents follow; resolves when both Pods are on the fast path. */
  async start(): Promise<void> {
    const [first, second] = this.hostsByNumber;
    first.pod.run('ping', '-c', '1', '-W', '5', second.pod.address);
    for (const [at, path] of this.paths.entries()) {
      path.follow({ network: NETWORK, subnet: (at === 0 ? first : second).subnet, device: TUNNEL });
    }
    await until(() => this.reports().every(({ state, pods }) => state === 'on' && pods[0]?.path === 'fast'), this);
  }

  reports(): readonly FastPathReport[] {
    return this.paths.map((path) => path.report());
  }

  /** Packets that the first host's programs sent and received. */
  carried(at = 0): { readonly sent: number; readonly received: number; readonly tracked: number } {
    const counters = this.reports()[at]?.counters;
    return {
      sent: counters?.sentPackets ?? 0,
      received: counters?.receivedPackets ?? 0,
      tracked: counters?.trackedPackets ?? 0,
    };
  }

  async serve({ pod }: PathHost): Promise<void> {
    const [program = '', ...words] = enterNamespace(pod.namespace, [process.execPath, '-e', ECHO]);
    const server = spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#servers.push(server);
    await once(server.stdout, 'data');
  }

  close(): void {
    for (const server of this.#servers) server.kill('SIGKILL');
    for (const path of this.paths) path.stop();
    this.hosts.close();
  }
}

function ask({ pod }: PathHost, protocol: 'tcp' | 'udp', address: string, port: number): string {
  return pod.run(process.execPath, '-e', ASK, protocol, address, String(port));
}

async function until(condition: () => boolean, bench: Bench): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (!condition()) {
    if (performance.now() > end) assert.fail(`${JSON.stringify(bench.reports())}\n${bench.log}`);
    await pause(20);
  }
}

test('the kernel accepts the programs, Pods reach each other over them, and the sender keeps its address', async (context) => {
  const bench = new Bench(context);
  const [first, second] = bench.hostsByNumber;
  await bench.serve(second);
  await bench.start();
  for (const protocol of ['tcp', 'udp'] as const) {
    const before = bench.carried();
    assert.equal(ask(first, protocol, second.pod.address, 7000), first.pod.address);
    const after = bench.carried();
    assert(after.sent > before.sent, `${protocol} left by the fast path`);
    assert(after.received > before.received, `the answer by ${protocol} came by the fast path`);
  }
  assert(bench.carried(1).received > 0, 'the other host received by the fast path');
});

test('a packet has one hop less to go for each host, as on the ordinary path, with a checksum that is right', async (context) => {
  const bench = new Bench(context);
  const [first, second] = bench.hostsByNumber;
  await bench.start();
  // What has a header with a wrong checksum never gets to a rule.
  second.pod.run('nft', 'add table ip seen; add chain ip seen input { type filter hook input priority 0; }');
  const sent = [64, 255, 3, 128, 2];
  const arriving = [62, 253, 1, 126];
  for (const ttl of arriving) second.pod.run('nft', `add rule ip seen input udp dport 7001 ip ttl ${ttl} counter`);
  const before = bench.carried();
  const receivedBefore = bench.carried(1).received;
  for (const ttl of sent) {
    const send = `const s = require('node:dgram').createSocket('udp4'); s.bind(() => { s.setTTL(${ttl}); s.send('x', 7001, '${second.pod.address}', () => s.close()); });`;
    first.pod.run(process.execPath, '-e', send);
  }
  const counted = (): number => second.pod.run('nft', 'list', 'table', 'ip', 'seen').match(/packets 1 /g)?.length ?? 0;
  await until(() => counted() === arriving.length, bench);
  assert.equal(bench.carried().sent - before.sent, sent.length);
  assert.equal(bench.carried(1).received - receivedBefore, arriving.length, 'the last one died on the way');
});

test('what is translated goes the ordinary way, in both directions', async (context) => {
  const bench = new Bench(context);
  const [first, second] = bench.hostsByNumber;
  await bench.serve(second);
  await bench.serve(first);
  // As kube-proxy and docker do: a service address on the first host, a published port on the second; no masquerading.
  for (const protocol of ['tcp', 'udp']) {
    first.run('iptables', '-t', 'nat', '-N', `KUBE-SVC-${protocol.toUpperCase()}`);
    const service = ['-d', '10.96.0.1', '-p', protocol, '--dport', '80', '-j', 'DNAT', '--to-destination'];
    first.run(
      'iptables',
      '-t',
      'nat',
      '-A',
      `KUBE-SVC-${protocol.toUpperCase()}`,
      ...service,
      `${second.pod.address}:7000`,
    );
    first.run('iptables', '-t', 'nat', '-A', 'PREROUTING', '-j', `KUBE-SVC-${protocol.toUpperCase()}`);
  }
  second.run('iptables', '-t', 'nat', '-N', 'DOCKER');
  second.run('iptables', '-t', 'nat', '-A', 'PREROUTING', '-m', 'addrtype', '--dst-type', 'LOCAL', '-j', 'DOCKER');
  for (const protocol of ['tcp', 'udp']) {
    const published = [
      '-p',
      protocol,
      '--dport',
      '8080',
      '-j',
      'DNAT',
      '--to-destination',
      `${second.pod.address}:7000`,
    ];
    second.run('iptables', '-t', 'nat', '-A', 'DOCKER', ...published);
  }
  second.run('iptables', '-t', 'nat', '-N', 'KUBE-HAIRPIN');
  second.run('iptables', '-t', 'nat', '-A', 'POSTROUTING', '-j', 'KUBE-HAIRPIN');
  const hairpin = ['-s', second.pod.address, '-d', second.pod.address, '-j', 'MASQUERADE'];
  second.run('iptables', '-t', 'nat', '-A', 'KUBE-HAIRPIN', ...hairpin);
  second.run('bridge', 'link', 'set', 'dev', 'vpod', 'hairpin', 'on');
  await bench.start();
  for (const protocol of ['tcp', 'udp'] as const) {
    assert.equal(ask(first, protocol, '10.96.0.1', 80), first.pod.address, `a service by ${protocol}`);
    assert.equal(ask(first, protocol, second.address, 8080), first.pod.address, `a published port by ${protocol}`);
  }
  assert.equal(ask(second, 'tcp', second.address, 8080), '10.5.2.1', 'its own published port, by the bridge and back');
  assert(bench.carried(0).tracked > 0 && bench.carried(1).tracked > 0, 'both hosts left them to the ordinary path');
  assert.equal(ask(first, 'tcp', second.pod.address, 7000), first.pod.address, 'and what is not translated is served');
});

test('a Pod that is taken away, and one that comes, are followed', async (context) => {
  const bench = new Bench(context);
  const [first, second] = bench.hostsByNumber;
  await bench.start();
  second.run('ip', 'link', 'delete', 'vpod');
  await until(() => bench.reports()[1]?.pods.length === 0, bench);
  const [, kernel] = bench.kernels;
  assert.deepEqual(kernel?.observe().endpoints, []);
  second.run(
    'ip',
    'link',
    'add',
    'vnew',
    'mtu',
    '1450',
    'type',
    'veth',
    'peer',
    'name',
    'eth0',
    'netns',
    second.pod.namespace,
  );
  second.run('ip', 'link', 'set', 'vnew', 'master', 'cni0', 'up');
  second.pod.run('ip', 'address', 'add', `${second.pod.address}/24`, 'dev', 'eth0');
  second.pod.run('ip', 'link', 'set', 'eth0', 'up');
  second.pod.run('ip', 'route', 'add', 'default', 'via', '10.5.2.1');
  second.pod.run('ping', '-c', '1', '-W', '5', first.pod.address);
  await until(() => bench.reports()[1]?.pods[0]?.path === 'fast', bench);
  await bench.serve(second);
  const before = bench.carried(1);
  assert.equal(ask(first, 'tcp', second.pod.address, 7000), first.pod.address);
  assert(bench.carried(1).received > before.received);
});

test('a tunnel device that goes takes the fast path along, and one made anew brings it back', async (context) => {
  const bench = new Bench(context);
  const [first] = bench.hostsByNumber;
  await bench.start();
  first.run('ip', 'link', 'delete', TUNNEL);
  await until(() => bench.reports()[0]?.state === 'refused', bench);
  assert.equal(bench.reports()[0]?.reason, `the device ${TUNNEL} is not there`);
  assert.deepEqual(linksAt(first.namespace, 'vpod'), []);
  const words = ['type', 'vxlan', 'id', '1', 'dev', 'eth0', 'local', first.address, 'dstport', '8472'];
  first.run('ip', 'link', 'add', TUNNEL, ...words);
  await until(() => bench.reports()[0]?.state === 'on', bench);
  assert.equal(linksAt(first.namespace, TUNNEL).length, 1);
});

test('what somebody else did to maps and programs is repaired, and told', async (context) => {
  const bench = new Bench(context);
  const [first, second] = bench.hostsByNumber;
  await bench.serve(second);
  await bench.start();
  const [kernel] = bench.kernels;
  const endpoint = kernel?.observe().endpoints[0];
  assert(kernel !== undefined && endpoint !== undefined);
  const [link] = linksAt(first.namespace, 'vpod');
  assert(link !== undefined);
  detachLink(link);
  kernel.apply([{ type: 'endpoint-delete', address: endpoint.address }]);
  assert.equal(kernel.observe().attached.size, 1);
  // Any change of links or neighbours makes it look; without one it is half a minute.
  first.run('ip', 'link', 'add', 'unrelated', 'type', 'bridge');
  await until(() => kernel.observe().attached.size === 2 && kernel.observe().endpoints.length === 1, bench);
  await until(() => bench.log.includes('changed by somebody'), bench);
  const before = bench.carried();
  assert.equal(ask(first, 'tcp', second.pod.address, 7000), first.pod.address);
  assert(bench.carried().sent > before.sent);
});

test('a rule that would be passed by takes the fast path away, and its removal brings it back', async (context) => {
  const bench = new Bench(context);
  const [first, second] = bench.hostsByNumber;
  await bench.serve(second);
  await bench.start();
  first.run('iptables', '-A', 'FORWARD', '-p', 'tcp', '--dport', '7000', '-j', 'REJECT', '--reject-with', 'tcp-reset');
  await until(() => bench.reports()[0]?.state === 'refused', bench);
  assert.match(bench.reports()[0]?.reason ?? '', /filter FORWARD has the rule -p tcp/);
  assert.throws(() => ask(first, 'tcp', second.pod.address, 7000), 'the rule is in force');
  assert.equal(bench.kernels[0]?.observe().attached.size, 0);
  first.run('iptables', '-F', 'FORWARD');
  await until(() => bench.reports()[0]?.state === 'on', bench);
  assert.match(bench.log, /not in use, the ordinary path serves/);
});

test('a connection goes on when the fast path goes away, and when it comes back', async (context) => {
  const bench = new Bench(context);
  const [first, second] = bench.hostsByNumber;
  await bench.serve(second);
  // Only a rule that translates puts conntrack to work.
  first.run('iptables', '-t', 'nat', '-N', 'KUBE-NONE');
  first.run('iptables', '-t', 'nat', '-A', 'KUBE-NONE', '-s', '203.0.113.0/24', '-j', 'MASQUERADE');
  first.run('iptables', '-t', 'nat', '-A', 'POSTROUTING', '-j', 'KUBE-NONE');
  await bench.start();
  const script = `const socket = require('node:net').connect(7002, '${second.pod.address}'); socket.pipe(process.stdout); process.stdin.pipe(socket);`;
  const [program = '', ...words] = enterNamespace(first.pod.namespace, [process.execPath, '-e', script]);
  const client = spawn(program, words, { stdio: ['pipe', 'pipe', 'inherit'] });
  context.after(() => client.kill('SIGKILL'));
  let answered = '';
  client.stdout.on('data', (part) => {
    answered += part;
  });
  const say = async (word: string): Promise<void> => {
    client.stdin.write(word);
    await until(() => answered.endsWith(word), bench);
  };
  await say('fast');
  assert(bench.carried().sent > 0);
  first.run('iptables', '-A', 'FORWARD', '-s', '203.0.113.1', '-j', 'DROP');
  await until(() => bench.reports()[0]?.state === 'refused', bench);
  const { sent } = bench.carried();
  await say('ordinary');
  assert.equal(bench.carried().sent, sent);
  first.run('iptables', '-F', 'FORWARD');
  await until(() => bench.reports()[0]?.state === 'on', bench);
  const { tracked } = bench.carried();
  await say('again');
  assert.equal(bench.carried().sent, sent, 'it stays where it is');
  assert(bench.carried().tracked > tracked);
});

test('a Pod whose traffic is shaped stays on the ordinary path', async (context) => {
  const bench = new Bench(context);
  const [first] = bench.hostsByNumber;
  await bench.start();
  first.run('tc', 'qdisc', 'add', 'dev', 'vpod', 'root', 'tbf', 'rate', '100mbit', 'burst', '100k', 'latency', '50ms');
  first.run('ip', 'link', 'add', 'unrelated', 'type', 'bridge');
  await until(() => bench.reports()[0]?.pods[0]?.path === 'ordinary', bench);
  assert.match(bench.reports()[0]?.pods[0]?.reason ?? '', /traffic control \(tbf\)/);
});

test('a packet that is too long for the tunnel takes the ordinary path, which answers with the length that is right', async (context) => {
  const bench = new Bench(context);
  const [first, second] = bench.hostsByNumber;
  for (const device of ['vpod', 'cni0']) first.run('ip', 'link', 'set', device, 'mtu', '1500');
  first.pod.run('ip', 'link', 'set', 'eth0', 'mtu', '1500');
  await bench.start();
  const before = bench.carried();
  const send = `const s = require('node:dgram').createSocket('udp4'); s.send(Buffer.alloc(1472), 7009, '${second.pod.address}', () => s.close());`;
  first.pod.run(process.execPath, '-e', send);
  await until(() => first.pod.run('ip', 'route', 'get', second.pod.address).includes('mtu 1450'), bench);
  assert.equal(bench.carried().sent, before.sent);
});

test('stopped, nothing of it is left, and Pods reach each other', async (context) => {
  const bench = new Bench(context);
  const [first, second] = bench.hostsByNumber;
  await bench.serve(second);
  await bench.start();
  const standing = (): readonly number[] => [TUNNEL, 'vpod'].map((device) => linksAt(first.namespace, device).length);
  assert.deepEqual(standing(), [1, 1]);
  for (const path of bench.paths) path.stop();
  assert.deepEqual(standing(), [0, 0]);
  assert.equal(ask(first, 'tcp', second.pod.address, 7000), first.pod.address);
});
