import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ObservedAddress, ObservedLink } from '#agent/kernel/state.ts';
import { type Family, parseIp } from '#model/ip.ts';
import { parseIpv4 } from '#model/ipv4.ts';
import { parseIpv6 } from '#model/ipv6.ts';
import { followUnderlay } from './follow-underlay.ts';

const ip4 = (text: string): number => parseIpv4(text) ?? assert.fail(text);
const ip6 = (text: string): bigint => parseIpv6(text) ?? assert.fail(text);
const ETH0: ObservedLink = { index: 2, name: 'eth0', kind: 'veth', mtu: 1500, mac: '02:00:00:00:00:01', up: true };
const CURRENT = {
  name: 'eth0',
  index: 2,
  mtu: 1500,
  ipv4: { address: ip4('10.0.0.5'), publicIp: ip4('10.0.0.5') },
} as const;
const REQUEST = {
  interfaces: ['eth0'],
  interfacePatterns: [],
  canReach: undefined,
  publicIp: undefined,
  publicIpv6: undefined,
  families: ['ipv4'] as readonly Family[],
};

function addresses(...texts: readonly string[]): readonly ObservedAddress[] {
  const common = { linkIndex: 2, length: 24, scope: 0, permanent: true, deprecated: false, temporary: false };
  return texts.map((text) => ({ ...common, address: parseIp(text) ?? assert.fail(text) }));
}

test('what has not changed is the same object', () => {
  assert.equal(followUnderlay(CURRENT, REQUEST, [ETH0], addresses('10.0.0.5')), CURRENT);
});

test('a second address changes nothing while the first is there', () => {
  assert.equal(followUnderlay(CURRENT, REQUEST, [ETH0], addresses('10.0.0.1', '10.0.0.5')), CURRENT);
});

test('another address, another MTU and another index are followed', () => {
  const moved = { address: ip4('10.0.0.9'), publicIp: ip4('10.0.0.9') };
  assert.deepEqual(followUnderlay(CURRENT, REQUEST, [ETH0], addresses('10.0.0.9')), { ...CURRENT, ipv4: moved });
  const jumbo = { ...ETH0, mtu: 9000 };
  assert.deepEqual(followUnderlay(CURRENT, REQUEST, [jumbo], addresses('10.0.0.5')), { ...CURRENT, mtu: 9000 });
  const [entry] = addresses('10.0.0.5');
  const renewed = { ...ETH0, index: 7 };
  const found = followUnderlay(CURRENT, REQUEST, [renewed], entry === undefined ? [] : [{ ...entry, linkIndex: 7 }]);
  assert.deepEqual(found, { ...CURRENT, index: 7 });
});

test('a public address that the operator gave stays', () => {
  const publicIp = ip4('203.0.113.9');
  const current = { ...CURRENT, ipv4: { ...CURRENT.ipv4, publicIp } };
  const found = followUnderlay(current, { ...REQUEST, publicIp }, [ETH0], addresses('10.0.0.9'));
  assert.deepEqual(found.ipv4, { address: ip4('10.0.0.9'), publicIp });
});

test('while the interface is gone, or without an address, the last one holds', () => {
  assert.equal(followUnderlay(CURRENT, REQUEST, [], addresses('10.0.0.5')), CURRENT);
  assert.equal(followUnderlay(CURRENT, REQUEST, [ETH0], []), CURRENT);
  assert.equal(followUnderlay(CURRENT, REQUEST, [{ ...ETH0, mtu: 0 }], addresses('10.0.0.5')), CURRENT);
});

test('a global IPv6 address that is gone for a moment gives no way to the link-local one', () => {
  const current = { ...CURRENT, ipv6: { address: ip6('fd00::5'), publicIp: ip6('fd00::5') } };
  const request = { ...REQUEST, families: ['ipv4', 'ipv6'] as readonly Family[] };
  const follow = (...texts: readonly string[]) => followUnderlay(current, request, [ETH0], addresses(...texts));
  assert.equal(follow('10.0.0.5', 'fe80::5'), current);
  assert.equal(follow('10.0.0.5', 'fe80::5', 'fd00::5'), current);
  const moved = { address: ip6('fd00::9'), publicIp: ip6('fd00::9') };
  assert.deepEqual(follow('10.0.0.5', 'fe80::5', 'fd00::9'), { ...current, ipv6: moved });
});

test('a link-local IPv6 address is not held on to once there is a global one', () => {
  const current = { name: 'eth0', index: 2, mtu: 1500, ipv6: { address: ip6('fe80::5'), publicIp: ip6('fe80::5') } };
  const request = { ...REQUEST, families: ['ipv6'] as readonly Family[] };
  const found = followUnderlay(current, request, [ETH0], addresses('fe80::5', 'fd00::5'));
  assert.deepEqual(found.ipv6, { address: ip6('fd00::5'), publicIp: ip6('fd00::5') });
});
