/** The wireguard backend with real tunnels: Debian's wireguard-go, one process for each device. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Fault } from '#runtime/fault.ts';
import { handshakeAgeSeconds, type ObservedPeer } from '#wireguard/device.ts';
import { generatePrivateKey, publicKeyOf } from '#wireguard/key.ts';
import { userSpaceControl } from '#wireguard/user-space-control.ts';
import { startWireguardGo } from '#wireguard/wireguard-go.ts';
import { eventually, makeFabric, type WireguardHost } from './wireguard-fixture.ts';

const FULL_PACKET = ['-s', String(1420 - 28), '-M', 'do'];
const FULL_PACKET_V6 = ['-s', String(1420 - 48), '-M', 'do'];

test('Pods of two hosts reach each other through the tunnel, with full packets', async (context) => {
  const { first, second, converge } = await twoHosts(context);
  // The device, its key, its port and one peer.
  assert.deepEqual(await converge(), [4, 4]);
  assert.equal(first.ping(second), 3);
  assert.equal(second.ping(first, 4, ...FULL_PACKET), 3);
  assert.match(first.run('ip', 'route', 'show', 'dev', 'flannel-wg'), /^10\.5\.0\.0\/16 scope link *\n$/);
  assert.match(first.run('ip', '-o', 'address', 'show', 'dev', 'flannel-wg'), /inet 10\.5\.1\.0\/32 scope global/);

  const [peer] = await peersOf(first);
  assert(peer !== undefined);
  assert.equal(peer.endpoint, '192.0.2.2:51820');
  assert.deepEqual(peer.allowedIps, ['10.5.2.0/24']);
  const age = handshakeAgeSeconds(peer, Date.now());
  assert(age !== undefined && age < 10, String(age));
  assert(peer.receivedBytes > 0 && peer.sentBytes > 0);
});

test('a pass over what is right changes nothing', async (context) => {
  const { converge } = await twoHosts(context);
  await converge();
  assert.deepEqual(await converge(), [0, 0]);
});

test('the key file is 0400 in a directory that is 0755, and holds the key of the device', async (context) => {
  const { first, converge } = await twoHosts(context);
  await converge();
  assert.equal(statSync(first.keyFile).mode & 0o777, 0o400);
  assert.equal(statSync(dirname(first.keyFile)).mode & 0o777, 0o755);
  const key = readFileSync(first.keyFile, 'utf8');
  assert.equal(first.wg('show', 'flannel-wg', 'private-key'), `${key}\n`);
  assert.equal(first.wg('show', 'flannel-wg', 'public-key'), `${publicKeyOf(key)}\n`);
  assert(!first.lines.join('\n').includes(key));
});

test('what wg set did to three hosts is found by looking and undone in place', async (context) => {
  const { hosts, converge } = await makeFabric(context, 3);
  const [first, second, third] = hosts;
  assert(first !== undefined && second !== undefined && third !== undefined);
  await converge();
  const index = first.deviceIndex();
  let woken = 0;
  first.engine.watch(() => {
    woken += 1;
  });
  const stranger = publicKeyOf(generatePrivateKey());
  const pskFile = join(first.directory, 'psk');
  writeFileSync(pskFile, generatePrivateKey());
  const [key2, key3] = [second, third].map(({ engine }) => engine.identity ?? '');
  first.wg('set', 'flannel-wg', 'peer', stranger, 'endpoint', '192.0.2.9:1', 'allowed-ips', '10.5.2.0/25');
  first.wg('set', 'flannel-wg', 'peer', key2 ?? '', 'allowed-ips', '10.5.9.0/24', 'preshared-key', pskFile);
  first.wg('set', 'flannel-wg', 'peer', key3 ?? '', 'remove');
  first.wg('set', 'flannel-wg', 'listen-port', '4444');
  assert.equal(first.ping(second, 4, '-w', '1'), 0);

  first.clock.advance(60_000);
  await eventually(
    () => woken,
    (times) => times > 0,
    'the look wakes the agent',
  );
  // The port, the stranger, and two peers.
  assert.equal(await first.converge(hosts), 4);
  assert.equal(await first.converge(hosts), 0);
  assert.equal(first.ping(second), 3);
  assert.equal(first.ping(third), 3);
  assert.equal(first.deviceIndex(), index);
});

test('a device that is right wakes nobody', async (context) => {
  const { first, second, converge } = await twoHosts(context);
  await converge();
  assert.equal(first.ping(second), 3);
  first.engine.watch(() => assert.fail('woken'));
  first.clock.advance(60_000);
  await new Promise((resolve) => setTimeout(resolve, 200));
});

test('a peer that has left is removed, and one with a new key gets its place', async (context) => {
  const { hosts, converge } = await makeFabric(context, 3);
  const [first, second, third] = hosts;
  assert(first !== undefined && second !== undefined && third !== undefined);
  await converge();
  assert.equal(await first.converge([first, second]), 1);
  assert.deepEqual(
    (await peersOf(first)).map(({ publicKey }) => publicKey),
    [second.engine.identity],
  );
  // The host comes back with another key: its device gets it, and its peers put it in place of the old one.
  writeFileSync(third.keyFile, generatePrivateKey());
  await third.engine.close();
  await third.open();
  assert.deepEqual(await converge(), [1, 2, 1]);
  assert.equal(first.ping(third), 3);
  assert.equal(third.ping(second), 3);
});

test('killing and restarting the process that configures loses not one packet', async (context) => {
  const { first, second, converge } = await twoHosts(context);
  await converge();
  assert.equal(first.ping(second), 3);
  const index = first.deviceIndex();
  const options = await first.handOver([first, second]);
  const ping = spawn('nsenter', [
    `--net=${first.path}`,
    ...['ping', '-q', '-c', '60', '-i', '0.02', '-W', '1', '-I', '10.5.1.2', '10.5.2.2'],
  ]);
  let printed = '';
  ping.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
  });
  const pinged = once(ping, 'exit');
  for (let round = 0; round < 3; round += 1) {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'wireguard-process.ts'), options], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = await once(child.stdout, 'data');
    assert.equal(String(line), '0\n');
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }
  await pinged;
  assert.match(printed, /60 packets transmitted, 60 received/);
  assert.equal(first.deviceIndex(), index);
});

test('a device whose program was ended is made anew by the next pass', async (context) => {
  const { first, second, converge } = await twoHosts(context);
  await converge();
  first.run('ip', 'link', 'delete', 'flannel-wg');
  await eventually(
    () => userSpaceControl(first.sockets).read('flannel-wg'),
    (device) => device === undefined,
    'the program ends with its device',
  );
  assert.equal(await first.converge([first, second]), 4);
  assert.equal(first.ping(second), 3);
});

test('dual stack in mode separate is two devices, each with its own port and family', async (context) => {
  const { first, second, converge } = await twoHosts(context, document(''));
  await converge();
  assert.equal(first.ping(second, 4, ...FULL_PACKET), 3);
  assert.equal(first.ping(second, 6, ...FULL_PACKET_V6), 3);
  const [peer] = await peersOf(first, 'flannel-wg-v6');
  assert.deepEqual([peer?.endpoint, peer?.allowedIps], ['[2001:db8::2]:51821', ['fd00:5:0:2::/64']]);
  assert.match(first.run('ip', '-6', 'route', 'show', 'dev', 'flannel-wg-v6'), /^fd00:5::\/48 /m);
});

for (const [mode, endpoint] of [
  ['auto', '192.0.2.2:51820'],
  ['ipv4', '192.0.2.2:51820'],
  ['ipv6', '[2001:db8::2]:51820'],
] as const) {
  test(`dual stack in mode ${mode} is one device for both families, over ${endpoint}`, async (context) => {
    const { first, second, converge } = await twoHosts(context, document(`,"Mode":"${mode}"`));
    await converge();
    assert.equal(first.ping(second, 4), 3);
    assert.equal(first.ping(second, 6), 3);
    const [peer] = await peersOf(first);
    assert.equal(peer?.endpoint, endpoint);
    assert.deepEqual(peer?.allowedIps.toSorted(), ['10.5.2.0/24', 'fd00:5:0:2::/64']);
  });
}

test('IPv6 alone has no IPv4 route, and above all no default route', async (context) => {
  const { first, second, converge } = await twoHosts(
    context,
    '{"EnableIPv4":false,"EnableIPv6":true,"IPv6Network":"fd00:5::/48","Backend":{"Type":"wireguard","Mode":"ipv6"}}',
  );
  await converge();
  assert.equal(first.ping(second, 6), 3);
  assert.equal(first.run('ip', '-4', 'route', 'show', 'dev', 'flannel-wg'), '');
});

test('a preshared key that one side lacks keeps the tunnel shut, and one that both have opens it', async (context) => {
  const psk = generatePrivateKey();
  const { first, second, converge } = await twoHosts(
    context,
    `{"Network":"10.5.0.0/16","Backend":{"Type":"wireguard","PSK":"${psk}","PersistentKeepaliveInterval":25}}`,
  );
  let woken = 0;
  for (const { engine } of [first, second]) {
    engine.watch(() => {
      woken += 1;
    });
  }
  await converge();
  // A host begins at once, maybe before the other knows it; the next try is 5 s later.
  await eventually(
    () => first.ping(second),
    (answers) => answers === 3,
    'the tunnel opens',
  );
  for (const { clock } of [first, second]) clock.advance(1_000);
  await eventually(
    () => woken,
    (times) => times === 1,
    'the host with the greater key is woken for the keepalive that it deferred',
  );
  // It ends a change that was counted already.
  assert.deepEqual(await converge(), [0, 0]);
  for (const host of [first, second]) assert.equal((await peersOf(host))[0]?.keepaliveSeconds, 25);
  assert(!first.lines.join('\n').includes(psk));
  second.wg('set', 'flannel-wg', 'peer', first.engine.identity ?? '', 'remove');
  const other = join(second.directory, 'psk');
  writeFileSync(other, generatePrivateKey());
  second.wg(
    ...['set', 'flannel-wg', 'peer', first.engine.identity ?? '', 'preshared-key', other],
    ...['endpoint', '192.0.2.1:51820', 'allowed-ips', '10.5.1.0/24'],
  );
  assert.equal(second.ping(first, 4, '-w', '1'), 0);
  assert.equal(await second.converge([first, second]), 1);
  // WireGuard waits 5 s before it tries a handshake again.
  await eventually(
    () => second.ping(first),
    (answers) => answers === 3,
    'the tunnel opens',
  );
});

test('a device left over by another mode is removed', async (context) => {
  const { first, converge } = await twoHosts(context, document(''));
  await converge();
  const { engine } = first.desired([]);
  assert(engine?.type === 'wireguard');
  const changes = await first.engine.converge({ ...engine, devices: engine.devices.slice(0, 1) });
  // That device, and the peer of the other one.
  assert.equal(changes, 2);
  await eventually(
    () => first.run('ip', '-br', 'link', 'show', 'dev', 'flannel-wg-v6'),
    (text) => text === '',
    'flannel-wg-v6 goes',
  );
});

test('before the peers are known, those of an earlier run are left alone', async (context) => {
  const { first, second, converge } = await twoHosts(context);
  await converge();
  const { engine } = first.desired([]);
  assert(engine?.type === 'wireguard');
  const devices = engine.devices.map((device) => ({ ...device, peers: undefined }));
  assert.equal(await first.engine.converge({ ...engine, devices }), 0);
  assert.equal(first.ping(second), 3);
});

test('a device of another kind with the name is a Fault with the words of the program', async (context) => {
  const { first, second } = await twoHosts(context);
  first.run('ip', 'link', 'add', 'flannel-wg', 'type', 'bridge');
  await assert.rejects(first.converge([first, second]), (error) => {
    assert(error instanceof Fault);
    assert.equal(error.code, 'wireguard.device');
    assert.match(error.summary, /exit code 1: .*CreateTUN\("flannel-wg"\) failed; .*busy|invalid argument/s);
    return true;
  });
  first.run('ip', 'link', 'delete', 'flannel-wg');
  assert.equal(await first.converge([first, second]), 4);
});

test('a host without wireguard-go is a Fault that names the package', async (context) => {
  const { first } = await twoHosts(context);
  const { PATH = '' } = process.env;
  process.env['PATH'] = '/nonexistent';
  try {
    const start = startWireguardGo({ name: 'flannel-wg', directory: first.sockets, namespace: first.path });
    await assert.rejects(start, (error) => {
      assert(error instanceof Fault);
      assert.equal(error.code, 'wireguard.missing');
      assert.match(error.remedy, /apt-get install wireguard-go/);
      return true;
    });
  } finally {
    process.env['PATH'] = PATH;
  }
});

test('the way is explained in one line', async (context) => {
  const { first, second, converge } = await twoHosts(context);
  await converge();
  await first.handOver([first, second]);
  await first.open();
  const chosen = first.lines.filter((line) => line.includes('wireguard chosen'));
  assert.deepEqual(chosen, [
    '<6>level=info msg="wireguard chosen" way=user-space why="the kernel has no WireGuard, wireguard-go is installed"',
    '<6>level=info msg="wireguard chosen" way=user-space why="a program serves flannel-wg already"',
  ]);
});

function document(options: string): string {
  return `{"Network":"10.5.0.0/16","EnableIPv6":true,"IPv6Network":"fd00:5::/48","Backend":{"Type":"wireguard"${options}}}`;
}

async function twoHosts(
  context: TestContext,
  text?: string,
): Promise<{ first: WireguardHost; second: WireguardHost; converge: () => Promise<readonly number[]> }> {
  const { hosts, converge } = await makeFabric(context, 2, text);
  const [first, second] = hosts;
  assert(first !== undefined && second !== undefined);
  return { first, second, converge };
}

async function peersOf(host: WireguardHost, name = 'flannel-wg'): Promise<readonly ObservedPeer[]> {
  const device = await userSpaceControl(host.sockets).read(name);
  assert(device !== undefined);
  return device.peers;
}
