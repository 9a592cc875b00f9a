import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backendOf, hostRoute, recordedLease, underlayOf, wantedText } from '#agent/backends/test-request.ts';

/** The records of flannel 0.11.0 with DirectRouting, as recorded; 172.30.51.0/24 is ours. */
const RECORDED = {
  document:
    '{"Network": "172.30.0.0/16", "SubnetLen": 24, "Backend": {"Type": "vxlan", "VNI": 5, "Port": 4789, "DirectRouting": true}}',
  own: recordedLease(
    '172.30.51.0-24',
    '{"PublicIP":"10.77.0.11","BackendType":"vxlan","BackendData":{"VtepMAC":"f6:9d:88:ca:3b:a4"}}',
  ),
  leases: [
    recordedLease(
      '172.30.6.0-24',
      '{"PublicIP":"10.77.0.13","BackendType":"vxlan","BackendData":{"VtepMAC":"42:84:cd:4c:ba:ed"}}',
    ),
    recordedLease(
      '172.30.74.0-24',
      '{"PublicIP":"10.77.0.12","BackendType":"vxlan","BackendData":{"VtepMAC":"de:29:0c:cf:fd:af"}}',
    ),
  ],
};
const DEVICE = [
  'ip link add flannel.5 address f6:9d:88:ca:3b:a4 mtu 1450 txqueuelen 0 type vxlan id 5 dev eth0 local 10.77.0.11 dstport 4789 nolearning',
  'ip address add 172.30.51.0/32 dev flannel.5',
];

function direct(...hostRoutes: ReturnType<typeof hostRoute>[]): readonly string[] {
  const { own, leases, document } = RECORDED;
  return wantedText(backendOf(document), { underlay: underlayOf('10.77.0.11'), own, leases, hostRoutes }).commands;
}

test("on flannel 0.11.0's own records with DirectRouting the routes are those of its dump", () => {
  assert.deepEqual(direct(hostRoute('10.77.0.0/16')), [
    ...DEVICE,
    'ip route replace 172.30.6.0/24 via 10.77.0.13 dev eth0',
    'ip route replace 172.30.74.0/24 via 10.77.0.12 dev eth0',
  ]);
});

test('a peer behind a gateway, or over another interface, is tunnelled to although others are not', () => {
  const tunnelled = [
    'ip neigh replace 172.30.6.0 lladdr 42:84:cd:4c:ba:ed dev flannel.5 nud permanent',
    'bridge fdb replace 42:84:cd:4c:ba:ed dev flannel.5 dst 10.77.0.13 self permanent',
    'ip route replace 172.30.6.0/24 via 172.30.6.0 dev flannel.5 onlink',
  ];
  const other = 'ip route replace 172.30.74.0/24 via 10.77.0.12 dev eth0';
  const onLink = hostRoute('10.77.0.0/16');
  for (const longer of [
    hostRoute('10.77.0.13/32', '10.77.0.1'),
    hostRoute('10.77.0.13/32', undefined, 3),
    hostRoute('10.77.0.13/32', undefined, 0),
  ]) {
    assert.deepEqual(direct(onLink, longer), [...DEVICE, other, ...tunnelled].sort(byDump));
  }
  const none = direct(hostRoute('0.0.0.0/0', '10.77.0.1'));
  assert.equal(none.filter((line) => line.endsWith('onlink')).length, 2);
});

/** The order in which they are wanted: device, address, neighbour, FDB entry, routes. */
function byDump(a: string, b: string): number {
  const kinds = ['ip link', 'ip address', 'ip neigh', 'bridge fdb', 'ip route'];
  const kind = (line: string): number => kinds.findIndex((each) => line.startsWith(each));
  return kind(a) - kind(b);
}

const DUAL =
  '{"Network": "172.30.0.0/16", "EnableIPv6": true, "IPv6Network": "fd10::/48", "Backend": {"Type": "vxlan"}}';
const DUAL_LEASE = recordedLease(
  '172.30.24.0-24&fd10:0:0:24::-64',
  '{"PublicIP":"10.77.0.12","PublicIPv6":"fd00:77::12","BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"8a:1b:af:8c:b2:78"},' +
    '"BackendV6Data":{"VNI":1,"VtepMAC":"8e:1b:af:8c:b2:78"}}',
);
const DUAL_OWN = recordedLease(
  '172.30.71.0-24&fd10:0:0:71::-64',
  '{"PublicIP":"10.77.0.11","PublicIPv6":"fd00:77::11","BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"7e:74:c7:9e:78:6a"},' +
    '"BackendV6Data":{"VNI":1,"VtepMAC":"7a:74:c7:9e:78:6a"}}',
);
const V4_ROWS = [
  'ip link add flannel.1 address 7e:74:c7:9e:78:6a mtu 1450 txqueuelen 0 type vxlan id 1 dev eth0 local 10.77.0.11 dstport 8472 nolearning',
  'ip address add 172.30.71.0/32 dev flannel.1',
  'ip neigh replace 172.30.24.0 lladdr 8a:1b:af:8c:b2:78 dev flannel.1 nud permanent',
  'bridge fdb replace 8a:1b:af:8c:b2:78 dev flannel.1 dst 10.77.0.12 self permanent',
  'ip route replace 172.30.24.0/24 via 172.30.24.0 dev flannel.1 onlink',
];
const V6_ROWS = [
  'ip link add flannel-v6.1 address 7a:74:c7:9e:78:6a mtu 1430 txqueuelen 0 type vxlan id 1 dev eth0 local fd00:77::11 dstport 8472 nolearning',
  'ip address add fd10:0:0:71::/128 dev flannel-v6.1',
  'ip neigh replace fd10:0:0:24:: lladdr 8e:1b:af:8c:b2:78 dev flannel-v6.1 nud permanent',
  'bridge fdb replace 8e:1b:af:8c:b2:78 dev flannel-v6.1 dst fd00:77::12 self permanent',
  'ip route replace fd10:0:0:24::/64 via fd10:0:0:24:: dev flannel-v6.1 onlink',
];

test('in dual stack there are two devices, each with what its family needs, and the smaller MTU is handed out', () => {
  const backend = backendOf(DUAL);
  const underlay = underlayOf('10.77.0.11', 'fd00:77::11');
  const { commands, refused } = wantedText(backend, { underlay, own: DUAL_OWN, leases: [DUAL_LEASE] });
  assert.deepEqual(commands, [...V4_ROWS, ...V6_ROWS].sort(byDump));
  assert.deepEqual(refused, []);
  assert.equal(backend.mtu(underlay), 1430);
  assert.deepEqual(backend.devices, ['flannel.1', 'flannel-v6.1']);
});

test('with IPv6 alone there is the IPv6 device alone, and data for IPv6 alone', () => {
  const backend = backendOf(
    '{"EnableIPv4": false, "EnableIPv6": true, "IPv6Network": "fd10::/48", "Backend": {"Type": "vxlan"}}',
  );
  const alone = (lease: typeof DUAL_LEASE) => ({ ...lease, subnet: { ipv6: lease.subnet.ipv6 ?? assert.fail() } });
  const underlay = underlayOf(undefined, 'fd00:77::11');
  const { commands } = wantedText(backend, { underlay, own: alone(DUAL_OWN), leases: [alone(DUAL_LEASE)] });
  assert.deepEqual(commands, V6_ROWS);
  assert.deepEqual(backend.leaseData({ macs: { ipv6: '7a:74:c7:9e:78:6a' } }), {
    ipv6: { VNI: 1, VtepMAC: '7a:74:c7:9e:78:6a' },
  });
});

test("a peer's bad BackendV6Data costs it IPv6 alone, and a host without IPv6 costs nothing", () => {
  const underlay = underlayOf('10.77.0.11', 'fd00:77::11');
  const bad = {
    ...DUAL_LEASE,
    attributes: { ...DUAL_LEASE.attributes, backendV6Data: { VtepMAC: 'ff:ff:ff:ff:ff:ff' } },
  };
  const wanted = wantedText(backendOf(DUAL), { underlay, own: DUAL_OWN, leases: [bad] });
  assert.deepEqual(wanted.refused, ['BackendV6Data.VtepMAC "ff:ff:ff:ff:ff:ff" is no unicast MAC address']);
  assert.deepEqual(wanted.commands, [...V4_ROWS, ...V6_ROWS.slice(0, 2)].sort(byDump));
  const ipv4 = { ...DUAL_LEASE, subnet: { ipv4: DUAL_LEASE.subnet.ipv4 ?? assert.fail() } };
  assert.deepEqual(wantedText(backendOf(DUAL), { underlay, own: DUAL_OWN, leases: [ipv4] }).refused, []);
});

test('a MAC is kept: the one in the record, else the one of the device, else a random one, by family', () => {
  const backend = backendOf(DUAL);
  const randomMacs = { ipv4: '02:00:00:00:00:04', ipv6: '02:00:00:00:00:06' };
  const vxlan = { vni: 1, local: undefined, underlayIndex: 2, port: 8472, learning: false, gbp: false };
  const device = { index: 7, kind: 'vxlan', mtu: 1450, mac: '8a:00:00:00:00:01', up: true, vxlan, name: 'flannel.1' };
  const request = { recorded: undefined, links: [device], randomMacs, published: undefined };
  assert.deepEqual(backend.identify(request).macs, { ipv4: '8a:00:00:00:00:01', ipv6: '02:00:00:00:00:06' });
  const recorded = DUAL_OWN.attributes;
  assert.deepEqual(backend.identify({ ...request, recorded }).macs, {
    ipv4: '7e:74:c7:9e:78:6a',
    ipv6: '7a:74:c7:9e:78:6a',
  });
});

test('an interface whose MTU leaves less than IPv6 needs is refused', () => {
  const underlay = { ...underlayOf('10.77.0.11', 'fd00:77::11'), mtu: 1300 };
  assert.match(backendOf(DUAL).refuseUnderlay(underlay) ?? '', /IPv6 needs an MTU of 1280 inside the tunnel/);
  assert.equal(backendOf(RECORDED.document).refuseUnderlay(underlay), undefined);
});
