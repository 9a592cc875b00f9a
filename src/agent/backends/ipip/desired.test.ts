import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openBackend } from '#agent/backends/registry.ts';
import {
  backendOf,
  hostRoute,
  networkOf,
  recordedLease,
  underlayOf,
  wantedText,
} from '#agent/backends/test-request.ts';

const OWN = recordedLease('172.30.87.0-24', '{"PublicIP":"10.77.0.11","PublicIPv6":null,"BackendType":"ipip"}');
const LEASES = [
  recordedLease('172.30.46.0-24', '{"PublicIP":"10.77.0.12","PublicIPv6":null,"BackendType":"ipip"}'),
  recordedLease('172.30.66.0-24', '{"PublicIP":"10.99.0.13","PublicIPv6":null,"BackendType":"ipip"}'),
];
const UNDERLAY = underlayOf('10.77.0.11');
const DEVICE = [
  'ip link add flannel.ipip mtu 1480 type ipip local 10.77.0.11 remote any nopmtudisc',
  'ip address add 172.30.87.0/32 dev flannel.ipip',
];

test('there is one device without a remote end, and an onlink route for each peer', () => {
  const backend = backendOf('{"Network": "172.30.0.0/16", "Backend": {"Type": "ipip"}}');
  assert.deepEqual(wantedText(backend, { underlay: UNDERLAY, own: OWN, leases: LEASES }), {
    commands: [
      ...DEVICE,
      'ip route replace 172.30.46.0/24 via 10.77.0.12 dev flannel.ipip onlink',
      'ip route replace 172.30.66.0/24 via 10.99.0.13 dev flannel.ipip onlink',
    ],
    refused: [],
  });
  assert.equal(backend.mtu(UNDERLAY), 1480);
});

test('with DirectRouting a peer of the own segment is routed to over the underlay, marked onlink as flannel does', () => {
  const backend = backendOf('{"Network": "172.30.0.0/16", "Backend": {"Type": "ipip", "directrouting": true}}');
  assert.ok(backend.needsHostRoutes);
  const hostRoutes = [hostRoute('0.0.0.0/0', '10.77.0.1'), hostRoute('10.77.0.0/16')];
  assert.deepEqual(wantedText(backend, { underlay: UNDERLAY, own: OWN, leases: LEASES, hostRoutes }).commands, [
    ...DEVICE,
    'ip route replace 172.30.46.0/24 via 10.77.0.12 dev eth0 onlink',
    'ip route replace 172.30.66.0/24 via 10.99.0.13 dev flannel.ipip onlink',
  ]);
});

test('IPv6 and wrong options are refused at once, by field', () => {
  const document = `{"Network": "172.30.0.0/16", "EnableIPv6": true, "IPv6Network": "fd10::/48",
    "Backend": {"Type": "ipip", "DirectRouting": "yes"}}`;
  const opened = openBackend(networkOf(document));
  assert.deepEqual('problems' in opened && opened.problems.map(({ field, value }) => [field, value]), [
    ['Backend.DirectRouting', '"yes"'],
    ['EnableIPv6', 'true'],
  ]);
});

test('an interface whose MTU leaves no room inside is refused', () => {
  const backend = backendOf('{"Network": "172.30.0.0/16", "Backend": {"Type": "ipip"}}');
  assert.match(backend.refuseUnderlay({ ...UNDERLAY, mtu: 80 }) ?? '', /the MTU 80 of eth0 leaves no room/);
});
