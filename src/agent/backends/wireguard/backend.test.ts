import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Backend, Desired, Underlay } from '#agent/backends/backend.ts';
import { formatCidr, formatIp } from '#model/ip.ts';
import type { Lease } from '#model/lease.ts';
import { parseNetworkConfig } from '#model/network-config.ts';
import { parseSubnetKey } from '#model/subnet-key.ts';
import { wireguardBackend } from './backend.ts';

const [OWN_KEY, PEER_KEY] = ['b', 'c'].map((letter) => `${letter.repeat(42)}Q=`);
const UNDERLAY: Underlay = {
  name: 'eth0',
  index: 2,
  mtu: 1500,
  ipv4: { address: 0xc0000201, publicIp: 0xc0000201 },
  ipv6: { address: 1n, publicIp: 1n },
};
const IDENTITY = { macs: {}, published: OWN_KEY ?? '' };
const IPV4 = '"Network":"10.5.0.0/16"';
const DUAL = `${IPV4},"EnableIPv6":true,"IPv6Network":"fd00:5::/48"`;
const IPV6 = '"EnableIPv4":false,"EnableIPv6":true,"IPv6Network":"fd00:5::/48"';

function open(families: string, options = ''): Backend {
  const parsed = parseNetworkConfig(`{${families},"Backend":{"Type":"wireguard"${options}}}`);
  assert('config' in parsed);
  const opened = wireguardBackend.open(parsed.config);
  assert('backend' in opened);
  return opened.backend;
}

function lease(subnet: string, key: string | undefined): Lease {
  const parsed = parseSubnetKey(subnet);
  assert(parsed !== undefined && key !== undefined);
  const data = { PublicKey: key, Port: 51_820 };
  return {
    subnet: parsed,
    attributes: {
      publicIp: 0xc0000202,
      publicIpv6: 2n,
      backendType: 'wireguard',
      backendData: data,
      backendV6Data: data,
    },
    reservation: false,
    created: 1,
    modified: 1,
  };
}

function desired(backend: Backend, own: string | undefined, leases: readonly Lease[] = []): Desired {
  const ownLease = own === undefined ? undefined : lease(own, OWN_KEY);
  return backend.desired({ underlay: UNDERLAY, identity: IDENTITY, own: ownLease, leases, hostRoutes: [] });
}

/** What is wanted, a line for each thing. */
function text({ state, engine }: Desired): readonly string[] {
  assert(engine?.type === 'wireguard');
  return [
    ...state.devices.map(({ name, kind, mtu }) => `${kind} ${name} mtu ${mtu}`),
    ...state.addresses.map(({ device, address, length }) => `address ${formatIp(address)}/${length} dev ${device}`),
    ...state.routes.map((route) =>
      route.type === 'link'
        ? `route ${formatCidr(route.destination)} dev ${route.device} scope ${route.scope}`
        : `route of type ${route.type}`,
    ),
    ...engine.devices.map(({ name, listenPort, peers }) => {
      const list = peers?.map(({ endpoint, allowedIps }) => ` ${endpoint} ${allowedIps.join(',')}`);
      return `engine ${name} port ${listenPort}${list?.join('') ?? ' peers unknown'}`;
    }),
  ];
}

test('IPv4: one device, its address, the route to the network and the peers', () => {
  assert.deepEqual(text(desired(open(IPV4), '10.5.1.0-24', [lease('10.5.2.0-24', PEER_KEY)])), [
    'wireguard flannel-wg mtu 1420',
    'address 10.5.1.0/32 dev flannel-wg',
    'route 10.5.0.0/16 dev flannel-wg scope link',
    'engine flannel-wg port 51820 192.0.2.2:51820 10.5.2.0/24',
  ]);
});

test('dual stack in mode separate: a device for each family', () => {
  const peer = lease('10.5.2.0-24&fd00:5:0:2::-64', PEER_KEY);
  assert.deepEqual(text(desired(open(DUAL), '10.5.1.0-24&fd00:5:0:1::-64', [peer])), [
    'wireguard flannel-wg mtu 1420',
    'wireguard flannel-wg-v6 mtu 1420',
    'address 10.5.1.0/32 dev flannel-wg',
    'address fd00:5:0:1::/128 dev flannel-wg-v6',
    'route 10.5.0.0/16 dev flannel-wg scope link',
    'route fd00:5::/48 dev flannel-wg-v6 scope link',
    'engine flannel-wg port 51820 192.0.2.2:51820 10.5.2.0/24',
    'engine flannel-wg-v6 port 51821 [::2]:51820 fd00:5:0:2::/64',
  ]);
});

test('dual stack in mode auto: one device for both', () => {
  const peer = lease('10.5.2.0-24&fd00:5:0:2::-64', PEER_KEY);
  assert.deepEqual(text(desired(open(DUAL, ',"Mode":"auto"'), '10.5.1.0-24&fd00:5:0:1::-64', [peer])), [
    'wireguard flannel-wg mtu 1420',
    'address 10.5.1.0/32 dev flannel-wg',
    'address fd00:5:0:1::/128 dev flannel-wg',
    'route 10.5.0.0/16 dev flannel-wg scope link',
    'route fd00:5::/48 dev flannel-wg scope link',
    'engine flannel-wg port 51820 192.0.2.2:51820 10.5.2.0/24,fd00:5:0:2::/64',
  ]);
});

for (const mode of ['separate', 'auto', 'ipv6']) {
  test(`IPv6 alone in mode ${mode}: nothing of IPv4, which would be a default route`, () => {
    const lines = text(desired(open(IPV6, `,"Mode":"${mode}"`), 'fd00:5:0:1::-64'));
    assert.equal(lines.filter((line) => /^route/.test(line)).length, 1);
    assert.doesNotMatch(lines.join('\n'), /\d+\.\d+\.\d+\.\d+/);
  });
}

test('before there is a lease only the device is wanted, and its peers are left alone', () => {
  assert.deepEqual(text(desired(open(IPV4), undefined)), [
    'wireguard flannel-wg mtu 1420',
    'engine flannel-wg port 51820 peers unknown',
  ]);
});

test('a lease refused by both devices is reported once', () => {
  const twin = lease('10.5.2.0-24&fd00:5:0:2::-64', OWN_KEY);
  assert.equal(desired(open(DUAL), '10.5.1.0-24&fd00:5:0:1::-64', [twin]).refused.length, 1);
});

for (const [families, options, expected] of [
  [IPV4, '', { ipv4: { PublicKey: OWN_KEY, Port: 51_820 } }],
  [IPV4, ',"ListenPort":7', { ipv4: { PublicKey: OWN_KEY, Port: 7 } }],
  [DUAL, '', { ipv4: { PublicKey: OWN_KEY, Port: 51_820 }, ipv6: { PublicKey: OWN_KEY, Port: 51_821 } }],
  [DUAL, ',"Mode":"auto"', { ipv4: { PublicKey: OWN_KEY, Port: 51_820 }, ipv6: { PublicKey: OWN_KEY, Port: 51_820 } }],
  [IPV6, '', { ipv6: { PublicKey: OWN_KEY, Port: 51_821 } }],
] as const) {
  test(`the lease data of {${families}${options}} names the ports that are listened on`, () => {
    assert.deepEqual(open(families, options).leaseData(IDENTITY), expected);
  });
}

test('the MTU is that of the underlay less 80, and an option takes its place', () => {
  assert.equal(open(IPV4).mtu(UNDERLAY), 1420);
  assert.equal(open(IPV4, ',"MTU":9000').mtu(UNDERLAY), 8920);
});

test('an underlay that leaves too little for IPv6 is refused', () => {
  assert.equal(open(IPV4).refuseUnderlay({ ...UNDERLAY, mtu: 1280 }), undefined);
  assert.match(open(DUAL).refuseUnderlay({ ...UNDERLAY, mtu: 1359 }) ?? '', /leaves 1279 bytes/);
  assert.equal(open(DUAL).refuseUnderlay({ ...UNDERLAY, mtu: 1360 }), undefined);
});

test('wrong options are problems, not a backend', () => {
  const parsed = parseNetworkConfig(`{${IPV4},"Backend":{"Type":"wireguard","ListenPort":-1}}`);
  assert('config' in parsed);
  assert('problems' in wireguardBackend.open(parsed.config));
});
