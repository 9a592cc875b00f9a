import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HostNetwork } from '#agent/kernel/kernel.ts';
import type { ObservedAddress, ObservedLink } from '#agent/kernel/state.ts';
import { type Family, formatIp, type Ip, parseIp } from '#model/ip.ts';
import { parseIpv4 } from '#model/ipv4.ts';
import { parseIpv6 } from '#model/ipv6.ts';
import { chooseUnderlay, type UnderlayRequest } from './choose-underlay.ts';
import { parseInterfacePattern } from './choose-underlay-pattern.ts';

function ip(text: string): Ip {
  return parseIp(text) ?? assert.fail(text);
}

const ip4 = (text: string): number => parseIpv4(text) ?? assert.fail(text);
const ip6 = (text: string): bigint => parseIpv6(text) ?? assert.fail(text);

function link(index: number, name: string): ObservedLink {
  return { index, name, kind: 'veth', mtu: 1500, mac: '02:00:00:00:00:01', up: true };
}

function address(linkIndex: number, text: string, more: Partial<ObservedAddress> = {}): ObservedAddress {
  const common = { scope: 0, permanent: true, deprecated: false, temporary: false };
  return { linkIndex, address: ip(text), length: 24, ...common, ...more };
}

const HOST: HostNetwork = {
  links: [link(1, 'lo'), link(2, 'eth0'), link(3, 'eth1'), link(4, 'eth2'), link(5, 'eth3'), link(6, 'eth4')],
  addresses: [
    address(1, '127.0.0.1', { scope: 254 }),
    address(2, '10.0.0.5'),
    address(3, '169.254.3.4'),
    address(3, '192.168.1.5', { permanent: false }),
    address(3, '192.168.1.6', { deprecated: true }),
    address(3, '192.168.1.7'),
    address(1, '::1', { scope: 254 }),
    address(2, 'fe80::5', { scope: 253 }),
    address(2, 'fd00::5'),
    address(3, 'fe80::7', { scope: 253 }),
    address(3, 'fd01::9', { temporary: true }),
    address(3, 'fd01::7'),
    address(5, 'fe80::3', { scope: 253 }),
    address(6, '169.254.6.1'),
  ],
  defaultRoutes: { ipv4: 2, ipv6: 2 },
};

const V4: readonly Family[] = ['ipv4'];
const V6: readonly Family[] = ['ipv6'];
const DUAL: readonly Family[] = ['ipv4', 'ipv6'];

/** `eth0 10.0.0.5 fd00::5 by …`; a public address that differs from the interface's stands behind it in brackets. */
function choose(request: Partial<UnderlayRequest>, host = HOST): string {
  const { underlay, by } = chooseUnderlay(
    {
      interfaces: [],
      interfacePatterns: [],
      canReach: undefined,
      publicIp: undefined,
      publicIpv6: undefined,
      families: V4,
      ...request,
    },
    host,
  );
  const parts = [underlay.ipv4, underlay.ipv6].flatMap((part) => part ?? []);
  const texts = parts.map((part) =>
    part.publicIp === part.address ? formatIp(part.address) : `${formatIp(part.address)} (${formatIp(part.publicIp)})`,
  );
  return `${[underlay.name, ...texts].join(' ')} by ${by}`;
}

const pattern = (text: string): { interfacePatterns: readonly RegExp[] } => ({
  interfacePatterns: [parseInterfacePattern(text)],
});

for (const [sentence, request, expected] of [
  ['without a word the interface of the default route is taken', {}, 'eth0 10.0.0.5 by default route'],
  ['the same for IPv6 alone', { families: V6 }, 'eth0 fd00::5 by default route'],
  ['the same for both, over one interface', { families: DUAL }, 'eth0 10.0.0.5 fd00::5 by default route'],
  ['by name the best address is a permanent, global one', { interfaces: ['eth1'] }, 'eth1 192.168.1.7 by -iface eth1'],
  [
    'of IPv6 addresses a lasting one comes before a temporary one, and global before link-local',
    { interfaces: ['eth1'], families: V6 },
    'eth1 fd01::7 by -iface eth1',
  ],
  [
    'a link-local address of IPv4 will do where there is no other',
    { interfaces: ['eth4'] },
    'eth4 169.254.6.1 by -iface eth4',
  ],
  [
    'a link-local IPv6 address names its interface, whose global one is taken',
    { interfaces: ['fe80::7'], families: V6 },
    'eth1 fd01::7 by -iface fe80::7',
  ],
  [
    'a link-local IPv6 address matches no pattern',
    { ...pattern('^fe80::5$|fd01::7'), families: V6 },
    'eth1 fd01::7 by -iface-regex ^fe80::5$|fd01::7',
  ],
  [
    'by address the interface that has it is taken, with that address',
    { interfaces: ['169.254.3.4'] },
    'eth1 169.254.3.4 by -iface 169.254.3.4',
  ],
  ['by IPv6 address too', { interfaces: ['fd01::9'], families: V6 }, 'eth1 fd01::9 by -iface fd01::9'],
  [
    'in dual stack by its IPv4 address, the best IPv6 address beside it',
    { interfaces: ['192.168.1.5'], families: DUAL },
    'eth1 192.168.1.5 fd01::7 by -iface 192.168.1.5',
  ],
  [
    'in dual stack by its IPv6 address, without -public-ipv6 too (D-28)',
    { interfaces: ['fd01::9'], families: DUAL },
    'eth1 192.168.1.7 fd01::9 by -iface fd01::9',
  ],
  [
    'in dual stack -public-ipv6 says which IPv6 address it is',
    { interfaces: ['192.168.1.5'], publicIpv6: ip6('fd01::9'), families: DUAL },
    'eth1 192.168.1.5 fd01::9 by -iface 192.168.1.5',
  ],
  [
    'the first of several that exists is taken',
    { interfaces: ['bond0', 'eth1', 'eth0'] },
    'eth1 192.168.1.7 by -iface eth1',
  ],
  [
    'a public address of this host chooses its interface',
    { publicIp: ip4('192.168.1.7') },
    'eth1 192.168.1.7 by -public-ip',
  ],
  ['a public IPv6 address too', { publicIpv6: ip6('fd01::9'), families: V6 }, 'eth1 fd01::9 by -public-ipv6'],
  [
    'a public address behind NAT is advertised from the default interface',
    { publicIp: ip4('203.0.113.9') },
    'eth0 10.0.0.5 (203.0.113.9) by default route',
  ],
  [
    'a pattern is compared with the addresses of all interfaces first, unanchored',
    pattern('168\\.1'),
    'eth1 192.168.1.7 by -iface-regex 168\\.1',
  ],
  [
    'a pattern chooses the interface, and the public address is advertised from it',
    { ...pattern('^192\\.168\\.1\\.5'), publicIp: ip4('192.168.1.7') },
    'eth1 192.168.1.5 (192.168.1.7) by -iface-regex ^192\\.168\\.1\\.5',
  ],
  ['then with the names', pattern('^eth[1-9]$'), 'eth1 192.168.1.7 by -iface-regex ^eth[1-9]$'],
  [
    'in dual stack both families must match on one interface',
    { ...pattern('^(10\\.|fd01)|^192\\.168\\.1\\.5'), families: DUAL },
    'eth1 192.168.1.5 fd01::7 by -iface-regex ^(10\\.|fd01)|^192\\.168\\.1\\.5',
  ],
  ['a deprecated address matches nothing', pattern('1\\.6$|eth0'), 'eth0 10.0.0.5 by -iface-regex 1\\.6$|eth0'],
  [
    'names come before patterns, and patterns before the host that can be reached',
    { interfaces: ['bond0'], ...pattern('nothing'), canReach: ip('192.168.1.1') },
    'eth1 192.168.1.5 by -iface-can-reach 192.168.1.1',
  ],
] as const satisfies readonly (readonly [string, Partial<UnderlayRequest>, string])[]) {
  test(sentence, () => {
    const host = 'canReach' in request ? { ...HOST, reach: { linkIndex: 3, source: ip('192.168.1.5') } } : HOST;
    assert.equal(choose(request, host), expected);
  });
}

for (const [name, request, host, why] of [
  ['an unknown name', { interfaces: ['bond0'] }, HOST, /-iface bond0: there is no interface of that name/],
  ['an unknown address', { interfaces: ['10.0.0.6'] }, HOST, /-iface 10\.0\.0\.6: no interface has that address/],
  ['an address of a family that the network lacks', { interfaces: ['fd00::5'] }, HOST, /the network has no IPv6/],
  ['an interface without an address', { interfaces: ['eth2'] }, HOST, /failed to find IPv4 address for interface eth2/],
  [
    'an interface with one family only',
    { interfaces: ['eth3'], families: DUAL },
    HOST,
    /failed to find IPv4 address for interface eth3/,
  ],
  [
    'an interface that has a link-local IPv6 address only',
    { interfaces: ['eth3'], families: V6 },
    HOST,
    /interface eth3 has only a link-local IPv6 address yet/,
  ],
  [
    'a link-local IPv6 address by its name, where there is no other,',
    { interfaces: ['fe80::3'], families: V6 },
    HOST,
    /interface eth3 has only a link-local IPv6 address yet/,
  ],
  [
    'an interface without any IPv6 address',
    { interfaces: ['eth4'], families: V6 },
    HOST,
    /failed to find IPv6 address for interface eth4/,
  ],
  ['a loopback address only', { interfaces: ['lo'] }, HOST, /interface lo/],
  [
    'an address and a public address on different interfaces',
    { interfaces: ['10.0.0.5'], publicIpv6: ip6('fd01::7'), families: DUAL },
    HOST,
    /-iface 10\.0\.0\.5 is on eth0, and the public address fd01::7 on eth1: they must be on one/,
  ],
  ['no default route', {}, { ...HOST, defaultRoutes: {} }, /no default route for IPv4/],
  ['a default route of several ways', {}, { ...HOST, defaultRoutes: { ipv4: 0 } }, /has no single interface/],
  [
    'default routes over two interfaces',
    { families: DUAL },
    { ...HOST, defaultRoutes: { ipv4: 2, ipv6: 3 } },
    /go over eth0 and eth1/,
  ],
  [
    'no way to the host to be reached',
    { canReach: ip('192.0.2.1') },
    HOST,
    /-iface-can-reach 192\.0\.2\.1: there is no route/,
  ],
  ['a pattern that matches nothing', pattern('wlan'), HOST, /-iface-regex wlan matches no usable address and no name/],
] as const) {
  test(`${name} is refused with what there is instead`, () => {
    assert.throws(() => choose(request, host), {
      code: 'host.no-interface',
      why,
      where: /eth0:\[10\.0\.0\.5 fe80::5 fd00::5\]/,
    });
  });
}

for (const [text, why] of [
  ['[[:alpha:]]+', /\[\[:alpha:\]\] are not supported/],
  ['eth(?=0)', /no look-around/],
  ['(e)\\1', /no back-references/],
  ['\\Aeth0\\z', /escape/i],
  ['eth[', /./],
  ['(?P<n>eth)', /group/i],
] as const) {
  test(`the pattern ${text} is refused: JavaScript reads it otherwise than Go`, () => {
    assert.throws(() => parseInterfacePattern(text), { code: 'usage.flag', why });
  });
}

test('(?i) at its beginning makes a pattern blind to case, as in Go', () => {
  assert.ok(parseInterfacePattern('(?i)^ETH0$').test('eth0'));
  assert.ok(!parseInterfacePattern('^ETH0$').test('eth0'));
});
