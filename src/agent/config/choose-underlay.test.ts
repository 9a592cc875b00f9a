import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HostNetwork } from '#agent/kernel/kernel.ts';
import type { ObservedAddress, ObservedLink } from '#agent/kernel/state.ts';
import { formatIpv4, parseIpv4 } from '#model/ipv4.ts';
import { chooseUnderlay, type UnderlayRequest } from './choose-underlay.ts';

function ip(text: string): number {
  return parseIpv4(text) ?? assert.fail(text);
}

function link(index: number, name: string): ObservedLink {
  return { index, name, kind: 'veth', mtu: 1500, mac: '02:00:00:00:00:01', up: true };
}

function address(linkIndex: number, text: string, more: Partial<ObservedAddress> = {}): ObservedAddress {
  return { linkIndex, address: ip(text), length: 24, scope: 0, permanent: true, deprecated: false, ...more };
}

const HOST: HostNetwork = {
  links: [link(1, 'lo'), link(2, 'eth0'), link(3, 'eth1'), link(4, 'eth2')],
  addresses: [
    address(1, '127.0.0.1', { scope: 254 }),
    address(2, '10.0.0.5'),
    address(3, '169.254.3.4'),
    address(3, '192.168.1.5', { permanent: false }),
    address(3, '192.168.1.6', { deprecated: true }),
    address(3, '192.168.1.7'),
  ],
  defaultRouteIndex: 2,
};

function choose(request: Partial<UnderlayRequest>, host = HOST): string {
  const { underlay, by } = chooseUnderlay({ interfaces: [], publicIp: undefined, ...request }, host);
  return `${underlay.name} ${formatIpv4(underlay.address)} public ${formatIpv4(underlay.publicIp)} by ${by}`;
}

test('without a word the interface of the default route is taken', () => {
  assert.equal(choose({}), 'eth0 10.0.0.5 public 10.0.0.5 by default route');
});

test('by name the best address is a permanent, global one', () => {
  assert.equal(choose({ interfaces: ['eth1'] }), 'eth1 192.168.1.7 public 192.168.1.7 by -iface eth1');
});

test('by address the interface that has it is taken, with that address', () => {
  assert.equal(choose({ interfaces: ['169.254.3.4'] }), 'eth1 169.254.3.4 public 169.254.3.4 by -iface 169.254.3.4');
});

test('the first of several that exists is taken', () => {
  assert.equal(choose({ interfaces: ['bond0', 'eth1', 'eth0'] }).split(' ')[0], 'eth1');
});

test('a public address of this host chooses its interface', () => {
  assert.equal(choose({ publicIp: ip('192.168.1.7') }), 'eth1 192.168.1.7 public 192.168.1.7 by -public-ip');
});

test('a public address behind NAT is advertised from the default interface', () => {
  assert.equal(choose({ publicIp: ip('203.0.113.9') }), 'eth0 10.0.0.5 public 203.0.113.9 by default route');
});

for (const [name, request, host, why] of [
  ['an unknown name', { interfaces: ['bond0'] }, HOST, /none of bond0/],
  ['an interface without an address', { interfaces: ['eth2'] }, HOST, /failed to find IPv4 address for interface eth2/],
  ['a loopback address only', { interfaces: ['lo'] }, HOST, /interface lo/],
  ['no default route', {}, { ...HOST, defaultRouteIndex: undefined }, /no default route/],
] as const) {
  test(`${name} is refused with what there is instead`, () => {
    assert.throws(() => choose(request, host), { code: 'host.no-interface', why, where: /eth0:\[10\.0\.0\.5\]/ });
  });
}
