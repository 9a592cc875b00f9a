import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Family } from '#model/ip.ts';
import { parseIpv4 } from '#model/ipv4.ts';
import { parseIpv6 } from '#model/ipv6.ts';
import type { Json, Lease } from '#model/lease.ts';
import { parseSubnetKey } from '#model/subnet-key.ts';
import type { WireguardMode, WireguardOptions } from './options.ts';
import { type PeersOfDevice, type PeersRequest, separatePeers, singlePeers } from './peers.ts';

const [KEY, OWN_KEY, OTHER_KEY] = ['b', 'c', 'd'].map((letter) => `${letter.repeat(42)}Q=`);
const PUBLIC = '198.51.100.2';
const PRIVATE = '10.1.0.2';
const GLOBAL = '2001:db8::2';
const LOCAL = 'fd00:1::2';
const DUAL: readonly Family[] = ['ipv4', 'ipv6'];

interface Variant {
  readonly ipv4?: string;
  readonly ipv6?: string;
  readonly subnet?: string;
  readonly key?: string | undefined;
  readonly data?: Json;
  readonly v6Data?: Json;
  readonly created?: number;
}

function lease(variant: Variant = {}): Lease {
  const { ipv4 = '0.0.0.0', ipv6, subnet = '10.5.2.0-24&fd00:5:0:2::-64', key = KEY, created = 1 } = variant;
  const parsed = parseSubnetKey(subnet);
  const publicIp = parseIpv4(ipv4);
  assert(parsed !== undefined && publicIp !== undefined && key !== undefined);
  return {
    subnet: parsed,
    attributes: {
      publicIp,
      publicIpv6: ipv6 === undefined ? null : (parseIpv6(ipv6) ?? null),
      backendType: 'wireguard',
      backendData: variant.data ?? { PublicKey: key, Port: 1111 },
      backendV6Data: variant.v6Data ?? { PublicKey: key, Port: 2222 },
    },
    reservation: false,
    created,
    modified: created,
  };
}

function request(
  leases: readonly Lease[],
  mode: WireguardMode,
  own: { readonly ipv4?: string; readonly ipv6?: string } = { ipv4: PRIVATE, ipv6: GLOBAL },
  families = DUAL,
): PeersRequest {
  const options: WireguardOptions = {
    listenPort: 51_820,
    listenPortV6: 51_821,
    mtu: undefined,
    presharedKey: 'psk',
    keepaliveSeconds: 25,
    mode,
  };
  const ownAddresses = { ipv4: parseIpv4(own.ipv4 ?? ''), ipv6: parseIpv6(own.ipv6 ?? '') };
  return { options, families, ownPublicKey: OWN_KEY ?? '', ownAddresses, leases };
}

/** The endpoint of the only peer, or why it was refused. */
function outcome({ peers, refused }: PeersOfDevice): string {
  return [...peers.map(({ endpoint }) => endpoint), ...refused.map(({ reason }) => reason)].join('; ');
}

const BOTH = { ipv4: PRIVATE, ipv6: GLOBAL };

for (const [mode, peer, own, endpoint] of [
  ['ipv4', { ipv4: PUBLIC, ipv6: GLOBAL }, BOTH, `${PUBLIC}:1111`],
  ['ipv4', { ipv6: GLOBAL }, BOTH, 'it has no PublicIP (Mode is ipv4)'],
  ['ipv6', { ipv4: PUBLIC, ipv6: GLOBAL }, BOTH, `[${GLOBAL}]:1111`],
  ['ipv6', { ipv4: PUBLIC }, BOTH, 'it has no PublicIPv6 (Mode is ipv6)'],
  // auto, in the order of the rules: no IPv6 there; public IPv4 there; global IPv6 on both sides; else IPv4.
  ['auto', { ipv4: PRIVATE }, BOTH, `${PRIVATE}:1111`],
  ['auto', { ipv4: PUBLIC, ipv6: GLOBAL }, BOTH, `${PUBLIC}:1111`],
  ['auto', { ipv4: PUBLIC, ipv6: GLOBAL }, { ipv6: GLOBAL }, `[${GLOBAL}]:1111`],
  ['auto', { ipv4: PRIVATE, ipv6: GLOBAL }, BOTH, `[${GLOBAL}]:1111`],
  ['auto', { ipv4: '172.31.0.1', ipv6: GLOBAL }, BOTH, `[${GLOBAL}]:1111`],
  ['auto', { ipv4: '172.32.0.1', ipv6: GLOBAL }, BOTH, '172.32.0.1:1111'],
  ['auto', { ipv4: '192.168.3.4', ipv6: GLOBAL }, BOTH, `[${GLOBAL}]:1111`],
  ['auto', { ipv4: PRIVATE, ipv6: LOCAL }, BOTH, `${PRIVATE}:1111`],
  ['auto', { ipv4: PRIVATE, ipv6: GLOBAL }, { ipv4: PRIVATE, ipv6: LOCAL }, `${PRIVATE}:1111`],
  ['auto', { ipv4: PRIVATE, ipv6: GLOBAL }, { ipv4: PRIVATE }, `${PRIVATE}:1111`],
  ['auto', { ipv6: LOCAL }, BOTH, `[${LOCAL}]:1111`],
  ['auto', {}, BOTH, 'it has no PublicIP and no PublicIPv6 (Mode is auto)'],
] as const) {
  test(`Mode ${mode}, peer ${JSON.stringify(peer)}, own ${JSON.stringify(own)}: ${endpoint}`, () => {
    assert.equal(outcome(singlePeers(request([lease(peer)], mode, own))), endpoint);
  });
}

test('in mode separate each device has its family, its port and its subnet', () => {
  const peer = lease({ ipv4: PUBLIC, ipv6: GLOBAL });
  const common = { publicKey: KEY, presharedKey: 'psk', keepaliveSeconds: 25 };
  assert.deepEqual(separatePeers(request([peer], 'separate'), 'ipv4'), {
    peers: [{ ...common, endpoint: `${PUBLIC}:1111`, allowedIps: ['10.5.2.0/24'] }],
    refused: [],
  });
  assert.deepEqual(separatePeers(request([peer], 'separate'), 'ipv6'), {
    peers: [{ ...common, endpoint: `[${GLOBAL}]:2222`, allowedIps: ['fd00:5:0:2::/64'] }],
    refused: [],
  });
});

test('one device has the subnets of both families behind each peer, or of the one that the network has', () => {
  const peer = lease({ ipv4: PUBLIC, ipv6: GLOBAL });
  const [both] = singlePeers(request([peer], 'auto')).peers;
  assert.deepEqual(both?.allowedIps, ['10.5.2.0/24', 'fd00:5:0:2::/64']);
  const [one] = singlePeers(request([peer], 'auto', BOTH, ['ipv4'])).peers;
  assert.deepEqual(one?.allowedIps, ['10.5.2.0/24']);
});

test('without a port in the lease it is our own', () => {
  const silent = { PublicKey: KEY ?? '' };
  const peer = lease({ ipv4: PUBLIC, ipv6: GLOBAL, data: silent, v6Data: { ...silent, Port: 0 } });
  assert.equal(outcome(separatePeers(request([peer], 'separate'), 'ipv4')), `${PUBLIC}:51820`);
  assert.equal(outcome(separatePeers(request([peer], 'separate'), 'ipv6')), `[${GLOBAL}]:51821`);
  assert.equal(outcome(singlePeers(request([peer], 'ipv6'))), `[${GLOBAL}]:51820`);
});

test("with one device the key is the one of the IPv6 data, and the port the IPv4 data's", () => {
  const peer = lease({ ipv4: PUBLIC, v6Data: { PublicKey: OTHER_KEY ?? '', Port: 2222 } });
  const [found] = singlePeers(request([peer], 'auto')).peers;
  assert.deepEqual([found?.publicKey, found?.endpoint], [OTHER_KEY, `${PUBLIC}:1111`]);
});

test('of two leases with one key the older claim is kept, in either order', () => {
  const older = lease({ ipv4: PUBLIC, created: 3 });
  const newer = lease({ ipv4: '198.51.100.3', subnet: '10.5.3.0-24', created: 4 });
  for (const leases of [
    [older, newer],
    [newer, older],
  ]) {
    const { peers, refused } = separatePeers(request(leases, 'separate'), 'ipv4');
    assert.deepEqual(
      peers.map(({ endpoint }) => endpoint),
      [`${PUBLIC}:1111`],
    );
    assert.deepEqual(
      refused.map(({ lease: loser }) => loser),
      [newer],
    );
    assert.match(refused[0]?.reason ?? '', /already an older lease's/);
  }
});

test("a lease with this host's own key is refused", () => {
  const { peers, refused } = separatePeers(request([lease({ ipv4: PUBLIC, key: OWN_KEY })], 'separate'), 'ipv4');
  assert.deepEqual(peers, []);
  assert.match(refused[0]?.reason ?? '', /this host's own/);
});

test('a lease that cannot be used harms no other', () => {
  const bad = lease({ ipv4: PUBLIC, data: { PublicKey: 'x' } });
  const none = lease({ subnet: '10.5.4.0-24', key: OTHER_KEY });
  const good = lease({ ipv4: PUBLIC, subnet: '10.5.3.0-24' });
  const { peers, refused } = separatePeers(request([bad, none, good], 'separate'), 'ipv4');
  assert.equal(peers.length, 1);
  assert.deepEqual(
    refused.map(({ reason }) => reason),
    ['BackendData.PublicKey is no WireGuard public key', 'it has no PublicIP'],
  );
});
