import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changeText } from './change-text.ts';
import type { ObservedDevice, ObservedPeer, WireguardPeer, WireguardSettings } from './device.ts';
import { handshakeAgeSeconds } from './device.ts';
import { diffDevice } from './diff.ts';

const NOW = 1_800_000_000_000;
const PRIVATE = 'private';
const PEER: WireguardPeer = {
  publicKey: 'peer',
  presharedKey: undefined,
  endpoint: '192.0.2.2:51820',
  keepaliveSeconds: 0,
  allowedIps: ['10.5.2.0/24', 'fd00:2::/64'],
};

function desired(...peers: readonly WireguardPeer[]): WireguardSettings {
  return { privateKey: PRIVATE, listenPort: 51_820, peers };
}

function observed(...peers: readonly Partial<ObservedPeer>[]): ObservedDevice {
  const idle = { lastHandshakeMs: undefined, receivedBytes: 0, sentBytes: 0 };
  return { privateKey: PRIVATE, listenPort: 51_820, peers: peers.map((peer) => ({ ...PEER, ...idle, ...peer })) };
}

/** The difference as `wg` commands. */
function commands(
  wanted: WireguardSettings,
  now: ObservedDevice,
  endpoints: Readonly<Record<string, string>> = {},
  publicKey = 'lesser',
): readonly string[] {
  const change = diffDevice(wanted, now, { nowMs: NOW, publicKey, wanted: new Map(Object.entries(endpoints)) });
  return change === undefined ? [] : changeText('wg0', change);
}

test('what is right is left alone, in whatever order its allowed IPs come', () => {
  assert.deepEqual(commands(desired(PEER), observed({ allowedIps: PEER.allowedIps.toReversed() })), []);
});

test('a new device gets everything, and no secret is in the text', () => {
  const peer = { ...PEER, presharedKey: 'secret', keepaliveSeconds: 25 };
  assert.deepEqual(commands(desired(peer), { privateKey: undefined, listenPort: 0, peers: [] }), [
    'wg set wg0 private-key (hidden)',
    'wg set wg0 listen-port 51820',
    'wg set wg0 peer peer preshared-key (hidden) endpoint 192.0.2.2:51820 persistent-keepalive 25' +
      ' allowed-ips 10.5.2.0/24,fd00:2::/64',
  ]);
});

test('stale peers go first, since they may hold the allowed IPs of others', () => {
  assert.deepEqual(commands(desired({ ...PEER, publicKey: 'new' }), observed({ publicKey: 'old' })), [
    'wg set wg0 peer old remove',
    'wg set wg0 peer new endpoint 192.0.2.2:51820 allowed-ips 10.5.2.0/24,fd00:2::/64',
  ]);
});

test('of a peer only that is written which differs', () => {
  assert.deepEqual(commands(desired(PEER), observed({ allowedIps: ['10.5.2.0/24'] })), [
    'wg set wg0 peer peer allowed-ips 10.5.2.0/24,fd00:2::/64',
  ]);
  assert.deepEqual(commands(desired(PEER), observed({ presharedKey: 'x', keepaliveSeconds: 9 })), [
    'wg set wg0 peer peer preshared-key /dev/null persistent-keepalive off',
  ]);
});

test('of two new peers only the one with the lesser key begins to keep alive at once', () => {
  const peer = { ...PEER, keepaliveSeconds: 25 };
  const added = 'wg set wg0 peer peer endpoint 192.0.2.2:51820';
  assert.deepEqual(commands(desired(peer), observed(), {}, 'lesser'), [
    `${added} persistent-keepalive 25 allowed-ips 10.5.2.0/24,fd00:2::/64`,
  ]);
  assert.deepEqual(commands(desired(peer), observed(), {}, 'quite'), [`${added} allowed-ips 10.5.2.0/24,fd00:2::/64`]);
  assert.deepEqual(commands(desired(peer), observed(PEER), {}, 'quite'), [
    'wg set wg0 peer peer persistent-keepalive 25',
  ]);
});

test('a peer without allowed IPs loses those that it has', () => {
  assert.deepEqual(commands(desired({ ...PEER, allowedIps: [] }), observed({})), ['wg set wg0 peer peer allowed-ips ']);
});

const ROAMED = '198.51.100.7:1024';
for (const [what, peer, endpoints, corrected] of [
  ['without a handshake', {}, {}, true],
  ['with a live session', { lastHandshakeMs: NOW - 179_000 }, {}, false],
  ['with a live session, as wanted before', { lastHandshakeMs: NOW }, { peer: PEER.endpoint ?? '' }, false],
  ['with a live session, when the lease names another', { lastHandshakeMs: NOW }, { peer: '192.0.2.9:1' }, true],
  ['with a dead session', { lastHandshakeMs: NOW - 181_000 }, { peer: PEER.endpoint ?? '' }, true],
] as const) {
  test(`a peer ${what} at another endpoint is ${corrected ? 'set back' : 'left there: it has roamed'}`, () => {
    const now = observed({ ...peer, endpoint: ROAMED });
    const expected = corrected ? ['wg set wg0 peer peer endpoint 192.0.2.2:51820'] : [];
    assert.deepEqual(commands(desired(PEER), now, endpoints), expected);
  });
}

test('the age of a handshake is in whole seconds, and never negative', () => {
  const [peer] = observed({ lastHandshakeMs: NOW - 2_900 }).peers;
  assert(peer !== undefined);
  assert.equal(handshakeAgeSeconds(peer, NOW), 2);
  assert.equal(handshakeAgeSeconds(peer, NOW - 60_000), 0);
  assert.equal(handshakeAgeSeconds({ ...peer, lastHandshakeMs: undefined }, NOW), undefined);
});
