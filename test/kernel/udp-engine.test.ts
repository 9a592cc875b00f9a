import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Engine } from '#agent/backends/engine.ts';
import type { UdpEngineState } from '#agent/backends/engine-state.ts';
import { openUdpEngine } from '#agent/engines/udp-engine.ts';
import { ManualClock } from '#runtime/clock.ts';
import { Fault } from '#runtime/fault.ts';
import { createLog } from '#runtime/log.ts';
import { ip, MTU, PORT, peer, UdpHost } from './udp-hosts.ts';

function engineOn(context: TestContext): { readonly host: UdpHost; readonly engine: Engine } {
  const host = new UdpHost(context, 1);
  host.ip('address add 192.0.2.1/24 dev lo');
  const log = createLog({ verbose: false, journal: true, write: () => undefined, now: () => 0 });
  const engine = openUdpEngine({ clock: new ManualClock(), log, namespace: host.path });
  context.after(() => engine.close());
  return { host, engine };
}

const WANTED: UdpEngineState = {
  type: 'udp',
  device: 'flannel0',
  mtu: MTU,
  local: ip('192.0.2.1'),
  port: PORT,
  own: undefined,
  peers: [],
};

test('the device is made by the first pass, and nothing is done while nothing differs', async (context) => {
  const { host, engine } = engineOn(context);
  assert.doesNotMatch(host.devices(), /flannel0/);
  assert.equal(await engine.converge(WANTED), 2);
  assert.match(host.devices(), /flannel0/);
  assert.equal(await engine.converge({ ...WANTED }), 0);
  const peers = [peer('10.5.2.0', '192.0.2.2')];
  assert.equal(await engine.converge({ ...WANTED, own: ip('10.5.1.0'), peers }), 1);
  assert.equal(await engine.converge({ ...WANTED, own: ip('10.5.1.0'), peers: [...peers] }), 0);
  await engine.close();
  assert.doesNotMatch(host.devices(), /flannel0/);
});

test('another port or address is another socket, with the same device', async (context) => {
  const { host, engine } = engineOn(context);
  host.ip('address add 192.0.2.7/24 dev lo');
  await engine.converge(WANTED);
  assert.equal(await engine.converge({ ...WANTED, port: 9000, local: ip('192.0.2.7') }), 2);
  const sockets = host.run('ss', '-uln').output;
  assert.match(sockets, /192\.0\.2\.7:9000/);
  assert.doesNotMatch(sockets, /8285/);
  assert.match(host.devices(), /flannel0/);
});

test('a device that was deleted is told once and made again by the next pass', async (context) => {
  const { host, engine } = engineOn(context);
  const { promise, resolve } = Promise.withResolvers<void>();
  engine.watch(resolve);
  const peers = [peer('10.5.2.0', '192.0.2.2')];
  await engine.converge({ ...WANTED, peers });
  host.ip('link delete flannel0');
  await promise;
  assert.equal(await engine.converge({ ...WANTED, peers }), 2);
  assert.match(host.devices(), /flannel0/);
});

test('a pass right after the deletion does not wait for the word of it', async (context) => {
  const { host, engine } = engineOn(context);
  await engine.converge(WANTED);
  host.ip('link delete flannel0');
  let changes = 0;
  for (let tries = 0; tries < 1_000 && changes === 0; tries++) changes = await engine.converge(WANTED);
  assert.equal(changes, 2);
  assert.match(host.devices(), /flannel0/);
});

test('what cannot be opened is a Fault, and a later pass succeeds', async (context) => {
  const { host, engine } = engineOn(context);
  const other = host.tunnel(context, { device: 'flannel0', port: 9000 });
  const converge = async (): Promise<number> => engine.converge(WANTED);
  await assert.rejects(converge, (error) => error instanceof Fault && error.code === 'kernel.tun');
  other.close();
  assert.equal(await converge(), 2);
});
