import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Fault } from '#runtime/fault.ts';
import type { Tunnel } from '#tun/tunnel.ts';
import { cable, ip, MTU, PORT, peer, UdpHost } from './udp-hosts.ts';

/** Two hosts that reach each other's subnet. */
function joinedHosts(context: TestContext): { readonly hosts: [UdpHost, UdpHost]; readonly tunnels: [Tunnel, Tunnel] } {
  const hosts: [UdpHost, UdpHost] = [new UdpHost(context, 1), new UdpHost(context, 2)];
  cable(...hosts);
  const tunnels: [Tunnel, Tunnel] = [hosts[0].tunnel(context), hosts[1].tunnel(context)];
  hosts[0].configure(tunnels[0], [peer('10.5.2.0', '192.0.2.2')]);
  hosts[1].configure(tunnels[1], [peer('10.5.1.0', '192.0.2.1')]);
  return { hosts, tunnels };
}

const PING = ['ping', '-n', '-i', '0.05', '-W', '2'] as const;

test('hosts reach each other, and a hop through the tunnel costs two of the TTL as with flannel', (context) => {
  const { hosts, tunnels } = joinedHosts(context);
  const { code, output } = hosts[0].run(...PING, '-c', '5', '10.5.2.0');
  assert.equal(code, 0, output);
  assert.match(output, /bytes from 10\.5\.2\.0: icmp_seq=1 ttl=62 /);
  const [first, second] = tunnels.map((tunnel) => tunnel.counters());
  assert.equal(first?.sentPackets, 5);
  assert.equal(first?.sentBytes, 5 * 84);
  assert.equal(second?.receivedPackets, 5);
  assert.equal(second?.receivedBytes, 5 * 84);
  assert.equal(second?.unknownSource, 0);
});

test('the largest packet fits, one byte more does not, and fragments are put together again', (context) => {
  const { hosts } = joinedHosts(context);
  const unfragmented = (bytes: number) => hosts[0].run(...PING, '-c', '1', '-M', 'do', '-s', `${bytes}`, '10.5.2.0');
  assert.equal(unfragmented(MTU - 28).code, 0);
  const tooLong = unfragmented(MTU - 27);
  assert.notEqual(tooLong.code, 0);
  assert.match(tooLong.output, /mtu=1472/);
  const fragments = hosts[0].run(...PING, '-c', '2', '-s', '20000', '10.5.2.0');
  assert.equal(fragments.code, 0, fragments.output);
});

test('the underlay carries datagrams of at most its own MTU', (context) => {
  const { hosts } = joinedHosts(context);
  const before = fragmentsMade(hosts[0]);
  assert.equal(hosts[0].run(...PING, '-c', '1', '-s', `${MTU - 28}`, '10.5.2.0').code, 0);
  assert.equal(fragmentsMade(hosts[0]), before);
});

function fragmentsMade(host: UdpHost): number {
  return Number(/IpFragCreates\s+(\d+)/.exec(host.run('nstat', '-asz', 'IpFragCreates').output)?.[1]);
}

test('an address behind no peer is answered with net unreachable by the own address', (context) => {
  const { hosts, tunnels } = joinedHosts(context);
  const { output } = hosts[0].run(...PING, '-c', '2', '10.5.9.9');
  assert.match(output, /From 10\.5\.1\.0 icmp_seq=1 Destination Net Unreachable/);
  const refused = hosts[0].run(
    process.execPath,
    '-e',
    `require('node:net').connect(80, '10.5.9.9').on('error', ({ code }) => console.log(code))`,
  );
  assert.equal(refused.output, 'ENETUNREACH\n');
  const { noPeer, icmpErrors } = tunnels[0].counters();
  assert.ok(noPeer >= 3 && icmpErrors === noPeer, `${noPeer} without peer, ${icmpErrors} answers`);
});

test('a TTL that ends on either side is answered with time exceeded by that side', (context) => {
  const { hosts } = joinedHosts(context);
  const sentWith = (ttl: number) => hosts[0].run(...PING, '-c', '1', '-t', `${ttl}`, '10.5.2.0').output;
  assert.match(sentWith(1), /From 10\.5\.1\.0 icmp_seq=1 Time to live exceeded/);
  assert.match(sentWith(2), /From 10\.5\.2\.0 icmp_seq=1 Time to live exceeded/);
  assert.match(sentWith(3), /bytes from 10\.5\.2\.0/);
});

test('peers are replaced as a whole, also when there are ten thousand', (context) => {
  const { hosts, tunnels } = joinedHosts(context);
  const [host] = hosts;
  const [tunnel] = tunnels;
  const source = ip('10.5.1.0');
  const reachable = (): boolean => host.run(...PING, '-c', '1', '10.5.2.0').code === 0;
  tunnel.apply({ peers: [], source, mtu: MTU });
  assert.equal(reachable(), false);
  const many = Array.from({ length: 10_000 }, (_, at) => ({
    subnet: { address: ip('11.0.0.0') + at * 256, length: 24 },
    host: ip('198.51.100.1') + at,
  }));
  tunnel.apply({ peers: [...many, peer('10.5.2.0', '192.0.2.2')], source, mtu: MTU });
  assert.equal(reachable(), true);
  tunnel.apply({ peers: many, source, mtu: MTU });
  assert.equal(reachable(), false);
});

test('TCP passes whole and in both directions at once', (context) => {
  const { hosts, tunnels } = joinedHosts(context);
  assert.equal(transferred(hosts, 20_000_000), 20_000_000);
  for (const { sendFailed, deliverFailed, malformed, oversize } of tunnels.map((tunnel) => tunnel.counters())) {
    assert.deepEqual([sendFailed, deliverFailed, malformed, oversize], [0, 0, 0, 0]);
  }
});

test('a path that takes no segmented datagrams is served one by one', (context) => {
  const { hosts, tunnels } = joinedHosts(context);
  // Below the tunnel's datagrams, so that the kernel refuses to segment and fragments instead.
  hosts[0].ip('route add 192.0.2.2/32 dev eth0 mtu 1400');
  assert.equal(transferred(hosts, 5_000_000), 5_000_000);
  assert.ok(fragmentsMade(hosts[0]) > 1_000);
  assert.equal(tunnels[0].counters().sendFailed, 0);
});

/** Bytes that one TCP connection from the first host to the second delivers and that come back the same. */
function transferred([client, server]: [UdpHost, UdpHost], bytes: number): number {
  const script = `
    const net = require('node:net'), { spawn } = require('node:child_process');
    const block = require('node:crypto').randomBytes(100_000);
    const serve = "require('node:net').createServer((c) => c.pipe(c)).listen(5000, '10.5.2.0', () => console.log('up'))";
    const server = spawn('nsenter', ['--net=${server.path}', '--', process.execPath, '-e', serve]);
    server.stdout.once('data', () => {
      const socket = net.connect(5000, '10.5.2.0');
      let same = 0;
      socket.on('data', (chunk) => {
        for (let at = 0; at < chunk.length; ) {
          const place = same % block.length, length = Math.min(chunk.length - at, block.length - place);
          if (block.compare(chunk, at, at + length, place, place + length) !== 0) return socket.destroy();
          at += length; same += length;
        }
      });
      socket.on('close', () => { console.log(same); server.kill(); });
      let left = ${bytes} / block.length;
      const send = () => { while (left-- > 0) if (!socket.write(block)) return; socket.end(); };
      socket.on('drain', send); socket.on('connect', send);
    });`;
  const { output } = client.run(process.execPath, '-e', script);
  return Number(output);
}

test('the device is the first free flannelN, and goes when the tunnel is closed', (context) => {
  const host = new UdpHost(context, 1);
  host.ip('address add 192.0.2.1/24 dev lo');
  const first = host.tunnel(context);
  const second = host.tunnel(context, { port: PORT + 1 });
  assert.deepEqual([first.device, second.device], ['flannel0', 'flannel1']);
  assert.match(host.devices(), /flannel0: <POINTOPOINT,MULTICAST,NOARP> .* qlen 500/);
  first.close();
  first.close();
  assert.doesNotMatch(host.devices(), /flannel0/);
  assert.match(host.devices(), /flannel1/);
});

test('device and port are free again after the process was killed', async (context) => {
  const host = new UdpHost(context, 1);
  host.ip('address add 192.0.2.1/24 dev lo');
  const script = `
    import { openTunnel } from ${JSON.stringify(new URL('../../src/tun/tunnel.ts', import.meta.url).href)};
    openTunnel({ device: 'flannel%d', address: ${ip('192.0.2.1')}, port: ${PORT} });
    console.log('open');
    setInterval(() => {}, 1_000);`;
  const argv = [`--net=${host.path}`, '--', process.execPath, '--input-type=module', '-e', script];
  const child = spawn('nsenter', argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  await once(child.stdout, 'data');
  assert.match(host.devices(), /flannel0/);
  child.kill('SIGKILL');
  await ended;
  assert.doesNotMatch(host.devices(), /flannel0/);
  assert.equal(host.tunnel(context).device, 'flannel0');
});

test('a device that somebody deletes ends the tunnel with a Fault', async (context) => {
  const host = new UdpHost(context, 1);
  host.ip('address add 192.0.2.1/24 dev lo');
  const { promise, resolve } = Promise.withResolvers<Fault>();
  const tunnel = host.tunnel(context, { onEnd: resolve });
  host.ip('link delete flannel0');
  const patience = pause(5_000, undefined, { ref: true });
  const fault = await Promise.race([promise, patience]);
  assert.ok(fault instanceof Fault);
  assert.equal(fault.code, 'kernel.tun');
  assert.equal(fault.summary, 'the tunnel of flannel0 has ended (flannel0): somebody deleted it');
  assert.notEqual(tunnel.counters().endError, 0);
  tunnel.close();
  assert.equal(host.tunnel(context).device, 'flannel0');
});

test('what stands in the way of a tunnel is said, with the remedy', (context) => {
  const host = new UdpHost(context, 1);
  host.ip('address add 192.0.2.1/24 dev lo', 'link add bridge0 type bridge');
  host.tunnel(context);
  const refused = (options: Parameters<UdpHost['tunnel']>[1], code: string, text: RegExp): void => {
    assert.throws(
      () => host.tunnel(context, options),
      (error) => {
        assert.ok(error instanceof Fault, String(error));
        assert.equal(error.code, code);
        assert.match(error.toString(), text);
        return true;
      },
    );
  };
  refused({}, 'kernel.udp-port', /192\.0\.2\.1:8285\/udp[\s\S]*taken[\s\S]*ss -ulnp/);
  refused({ address: ip('198.51.100.77') }, 'kernel.udp-port', /no interface has that address[\s\S]*-iface/);
  refused({ device: 'flannel0', port: 9000 }, 'kernel.tun', /flannel0[\s\S]*another program[\s\S]*ip link delete/);
  refused({ device: 'bridge0', port: 9000 }, 'kernel.tun', /bridge0[\s\S]*no TUN device/);
  assert.equal(host.tunnel(context, { port: 9000 }).device, 'flannel1', 'a refused one leaves nothing behind');
});

test('a host without /dev/net/tun is told so', () => {
  const script = `
    import { openTunnel } from ${JSON.stringify(new URL('../../src/tun/tunnel.ts', import.meta.url).href)};
    try { openTunnel({ device: 'flannel%d', address: 0x7f000001, port: ${PORT} }); } catch (error) { console.log(String(error)); }`;
  const hide = 'mount -t tmpfs none /dev/net && exec "$@"';
  const argv = ['--mount', '--net', 'sh', '-c', `ip link set lo up; ${hide}`, 'sh', process.execPath];
  const output = execFileSync('unshare', [...argv, '--input-type=module', '-e', script], { encoding: 'utf8' });
  assert.match(output, /\/dev\/net\/tun[\s\S]*it is not there \(ENOENT\)[\s\S]*modprobe tun[\s\S]*kernel\.tun/);
});
