import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backendOf, recordedLease, underlayOf, wantedText } from '#agent/backends/test-request.ts';

const DOCUMENT = '{"Network": "172.30.0.0/16", "SubnetLen": 24, "Backend": {"Type": "host-gw"}}';
const BACKEND = backendOf(DOCUMENT);

test("on flannel 0.28.9's own records the routes are those of its dump", () => {
  const leases = [
    recordedLease('172.30.46.0-24', '{"PublicIP":"10.77.0.12","PublicIPv6":null,"BackendType":"host-gw"}'),
    recordedLease('172.30.66.0-24', '{"PublicIP":"10.77.0.13","PublicIPv6":null,"BackendType":"host-gw"}'),
  ];
  const own = recordedLease('172.30.87.0-24', '{"PublicIP":"10.77.0.11","PublicIPv6":null,"BackendType":"host-gw"}');
  assert.deepEqual(wantedText(BACKEND, { underlay: underlayOf('10.77.0.11'), own, leases }), {
    commands: [
      'ip route replace 172.30.46.0/24 via 10.77.0.12 dev eth0',
      'ip route replace 172.30.66.0/24 via 10.77.0.13 dev eth0',
    ],
    refused: [],
  });
});

test('a dual-stack peer has a route of each family, and a host of one family only its own', () => {
  const leases = [
    recordedLease(
      '172.30.46.0-24&fd10:0:0:46::-64',
      '{"PublicIP":"10.77.0.12","PublicIPv6":"fd00:77::12","BackendType":"host-gw"}',
    ),
    recordedLease('fd10:0:0:66::-64', '{"PublicIP":"0.0.0.0","PublicIPv6":"fd00:77::13","BackendType":"host-gw"}'),
  ];
  const underlay = underlayOf('10.77.0.11', 'fd00:77::11');
  assert.deepEqual(wantedText(BACKEND, { underlay, own: undefined, leases }).commands, [
    'ip route replace 172.30.46.0/24 via 10.77.0.12 dev eth0',
    'ip route replace fd10:0:0:46::/64 via fd00:77::12 dev eth0',
    'ip route replace fd10:0:0:66::/64 via fd00:77::13 dev eth0',
  ]);
});

test('a host behind NAT is refused in words that operators of flannel know, IPv6 too', () => {
  const underlay = underlayOf('10.77.0.11', 'fd00:77::11');
  assert.equal(BACKEND.refuseUnderlay(underlay), undefined);
  const { ipv4, ipv6 } = underlay;
  assert.ok(ipv4 !== undefined && ipv6 !== undefined);
  const behind = { ...underlay, ipv4: { ...ipv4, publicIp: ipv4.publicIp + 1 } };
  assert.match(BACKEND.refuseUnderlay(behind) ?? '', /^your PublicIP differs from the address of eth0.*NAT/);
  assert.match(
    BACKEND.refuseUnderlay({ ...underlay, ipv6: { ...ipv6, publicIp: ipv6.publicIp + 1n } }) ?? '',
    /PublicIP differs/,
  );
});

test('there is no device, no data and no overhead', () => {
  assert.deepEqual([BACKEND.devices, BACKEND.leaseData({ macs: {} }), BACKEND.leaseType], [[], {}, 'host-gw']);
  assert.equal(BACKEND.mtu(underlayOf('10.77.0.11')), 1500);
});
