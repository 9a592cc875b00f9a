/** The udp backend on the wire, against an implementation of its format that shares nothing with ours. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Tunnel } from '#tun/tunnel.ts';
import {
  cable,
  icmpMessage,
  innerPacket,
  internetChecksum,
  ip,
  MTU,
  PORT,
  peer,
  UdpHost,
  WirePeer,
} from './udp-hosts.ts';

interface Wire {
  readonly ours: UdpHost;
  readonly tunnel: Tunnel;
  readonly theirs: UdpHost;
  readonly wire: WirePeer;
}

/** Our tunnel on 192.0.2.1 and the other implementation on 192.0.2.2. */
async function onTheWire(context: TestContext, onlyPeers = false): Promise<Wire> {
  const [ours, theirs] = [new UdpHost(context, 1), new UdpHost(context, 2)];
  cable(ours, theirs);
  const tunnel = ours.tunnel(context, { onlyPeers });
  ours.configure(tunnel, [peer('10.5.2.0', '192.0.2.2')]);
  return { ours, tunnel, theirs, wire: await WirePeer.start(context, theirs) };
}

const ECHO = { source: '10.5.2.7', destination: '10.5.1.0', protocol: 1, payload: icmpMessage(8) };

test('an inner packet from another implementation is answered in the same format', async (context) => {
  const { wire } = await onTheWire(context);
  wire.send('192.0.2.1', innerPacket(ECHO));
  const reply = await wire.receive();
  assert.equal(reply.length, 32);
  assert.equal(reply.readUInt32BE(12), ip('10.5.1.0'));
  assert.equal(reply.readUInt32BE(16), ip('10.5.2.7'));
  assert.equal(reply[8], 63, 'the kernel sends 64, of which the tunnel takes one');
  assert.equal(internetChecksum(reply.subarray(0, 20)), 0);
  assert.equal(reply.toString('hex', 20, 21), '00');
  assert.equal(internetChecksum(reply.subarray(20)), 0);
});

test('the checksum stays right for every TTL', async (context) => {
  const { wire, tunnel } = await onTheWire(context);
  // The kernel drops a packet with a wrong header checksum, so each answer is a right one.
  for (let ttl = 2; ttl <= 255; ttl++) {
    wire.send('192.0.2.1', innerPacket({ ...ECHO, ttl }));
    assert.equal(internetChecksum((await wire.receive()).subarray(0, 20)), 0);
  }
  assert.equal(tunnel.counters().receivedPackets, 254);
});

test('a datagram goes to the host with the longest prefix, at the port of all', async (context) => {
  const { ours, tunnel, theirs, wire } = await onTheWire(context);
  theirs.ip('address add 192.0.2.3/24 dev eth0', 'address add 192.0.2.4/24 dev eth0');
  const [wide, narrow] = [
    await WirePeer.start(context, theirs, '192.0.2.3'),
    await WirePeer.start(context, theirs, '192.0.2.4'),
  ];
  const peers = [peer('10.5.0.0', '192.0.2.3', 16), peer('10.5.2.0', '192.0.2.2'), peer('10.5.2.9', '192.0.2.4', 32)];
  tunnel.apply({ peers, source: ip('10.5.1.0'), mtu: MTU });
  const cases = [
    ['10.5.2.8', wire],
    ['10.5.2.9', narrow],
    ['10.5.3.1', wide],
  ] as const;
  for (const [target, receiver] of cases) {
    ours.run('ping', '-n', '-c', '1', '-W', '0.01', target);
    assert.equal((await receiver.receive()).readUInt32BE(16), ip(target));
  }
});

test('packets of several sizes to one host each are a datagram of their own, in their order', async (context) => {
  const { ours, wire } = await onTheWire(context);
  const sizes = [100, 100, 100, 40, 100, 1444, 1444, 7, 1444, 0, 0, 200];
  const script = `
    const socket = require('node:dgram').createSocket('udp4');
    socket.bind(0, () => { for (const size of ${JSON.stringify(sizes)}) socket.send(Buffer.alloc(size), 9, '10.5.2.7'); });
    setTimeout(() => socket.close(), 300);`;
  ours.run(process.execPath, '-e', script);
  const seen: number[] = [];
  for (const _ of sizes) {
    const packet = await wire.receive();
    assert.equal(packet.readUInt16BE(2), packet.length, 'one packet, nothing behind it');
    seen.push(packet.length - 28);
  }
  assert.deepEqual(seen, sizes);
});

test('datagrams that hold no IPv4 packet are counted and do no harm', async (context) => {
  const { wire, tunnel } = await onTheWire(context);
  const bad = [
    Buffer.alloc(0),
    Buffer.from([0x45]),
    innerPacket(ECHO).subarray(0, 19),
    Buffer.concat([Buffer.from('6000000000003a40', 'hex'), Buffer.alloc(32)]),
    Buffer.alloc(1_400, 0xff),
    Buffer.concat([Buffer.from([0x44]), innerPacket(ECHO).subarray(1)]),
  ];
  for (const datagram of bad) wire.send('192.0.2.1', datagram);
  // Headers that promise more than there is, and lengths that lie, are the kernel's to refuse.
  const long = innerPacket(ECHO);
  long[0] = 0x4f;
  wire.send('192.0.2.1', long);
  const lying = innerPacket(ECHO);
  lying.writeUInt16BE(60_000, 2);
  wire.send('192.0.2.1', lying);
  wire.send('192.0.2.1', innerPacket(ECHO));
  assert.equal((await wire.receive()).length, 32);
  assert.equal(tunnel.counters().malformed, bad.length);
});

test('a packet longer than the MTU is delivered whole and counted', async (context) => {
  const { wire, tunnel } = await onTheWire(context);
  wire.send('192.0.2.1', innerPacket({ ...ECHO, payload: icmpMessage(8, '12340001'.padEnd(8_000, 'ab')) }));
  let bytes = 0;
  // The answer is fragmented by our kernel, since the device's MTU is smaller.
  while (bytes < 4_004) bytes += (await wire.receive()).length - 20;
  assert.equal(bytes, 4_004);
  assert.equal(tunnel.counters().oversize, 1);
});

test('a source that is no peer is counted, and refused only when asked', async (context) => {
  for (const onlyPeers of [false, true]) {
    const { wire, tunnel, theirs } = await onTheWire(context, onlyPeers);
    theirs.ip('address add 192.0.2.9/24 dev eth0');
    const stranger = await WirePeer.start(context, theirs, '192.0.2.9');
    stranger.send('192.0.2.1', innerPacket(ECHO));
    await counted(tunnel, 'unknownSource', 1);
    wire.send('192.0.2.1', innerPacket(ECHO));
    for (let replies = onlyPeers ? 1 : 2; replies > 0; replies--) await wire.receive();
    assert.equal(tunnel.counters().receivedPackets, onlyPeers ? 1 : 2);
  }
});

async function counted(tunnel: Tunnel, counter: 'unknownSource' | 'expired', least: number): Promise<void> {
  const deadlineMs = performance.now() + 5_000;
  while (tunnel.counters()[counter] < least) {
    assert.ok(performance.now() < deadlineMs, `${counter} stays below ${least}`);
    await pause(5);
  }
}

const DYING = { source: '10.5.2.7', destination: '10.5.1.0', ttl: 1 };

test('the ICMP error quotes the header and eight bytes, from the own address', async (context) => {
  const { wire } = await onTheWire(context);
  const offender = innerPacket({ ...DYING, payload: Buffer.alloc(100, 7) });
  wire.send('192.0.2.1', offender);
  const answer = await wire.receive();
  assert.equal(answer.length, 20 + 8 + 28);
  assert.equal(answer[8], 7, "flannel's 8, less the hop");
  assert.equal(internetChecksum(answer.subarray(0, 20)), 0);
  assert.equal(answer.readUInt32BE(12), ip('10.5.1.0'));
  assert.equal(answer.readUInt32BE(16), ip('10.5.2.7'));
  assert.equal(answer.toString('hex', 20, 22), '0b00');
  assert.equal(internetChecksum(answer.subarray(20)), 0);
  assert.deepEqual(answer.subarray(28), offender.subarray(0, 28));
});

test('no ICMP error answers an ICMP error, a later fragment, or an address of nobody', async (context) => {
  const { wire, tunnel } = await onTheWire(context);
  const silent = [
    { ...DYING, protocol: 1, payload: icmpMessage(3) },
    { ...DYING, protocol: 1, payload: icmpMessage(11) },
    { ...DYING, protocol: 1, payload: icmpMessage(0) },
    { ...DYING, protocol: 1, payload: Buffer.alloc(0) },
    { ...DYING, fragmentOffset: 1 },
    { ...DYING, fragmentOffset: 0x1f00 },
    { ...DYING, source: '0.0.0.0' },
    { ...DYING, source: '127.0.0.1' },
    { ...DYING, source: '224.0.0.1' },
    { ...DYING, source: '255.255.255.255' },
    { ...DYING, destination: '224.0.0.1' },
  ];
  for (const packet of silent) wire.send('192.0.2.1', innerPacket(packet));
  await counted(tunnel, 'expired', silent.length);
  assert.equal(tunnel.counters().icmpErrors, 0);
  wire.send('192.0.2.1', innerPacket({ ...DYING, protocol: 1, payload: icmpMessage(8) }));
  assert.equal((await wire.receive()).toString('hex', 20, 22), '0b00');
});

test('ICMP errors are limited to a thousand a second', async (context) => {
  const { ours, tunnel } = await onTheWire(context);
  const script = `
    const socket = require('node:dgram').createSocket('udp4');
    socket.on('error', () => {});
    let left = 4_000;
    const some = () => { for (let n = 0; n < 100 && left > 0; n++, left--) socket.send('x', 9, '10.5.77.1'); left > 0 ? setImmediate(some) : setTimeout(() => socket.close(), 50); };
    socket.bind(0, some);`;
  const begunMs = performance.now();
  ours.run(process.execPath, '-e', script);
  const spans = Math.ceil((performance.now() - begunMs) / 1_000) + 1;
  const { noPeer, icmpErrors } = tunnel.counters();
  assert.ok(noPeer > 3_000, `${noPeer} of 4000 came`);
  assert.ok(icmpErrors <= 1_000 * spans && icmpErrors < noPeer, `${icmpErrors} answers to ${noPeer}`);
});

test('our device takes the port of the network document', async (context) => {
  const { tunnel, ours } = await onTheWire(context);
  assert.equal(tunnel.device, 'flannel0');
  assert.match(ours.run('ss', '-uln').output, new RegExp(`192\\.0\\.2\\.1:${PORT}`));
});
