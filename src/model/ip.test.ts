import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  addressBits,
  type Cidr,
  cidrContains,
  cidrEncloses,
  cidrKey,
  cidrsOverlap,
  familyOf,
  formatCidr,
  formatIp,
  type Ip,
  lastIpOf,
  maskCidr,
  parseCidr,
  parseIp,
} from './ip.ts';

function ip(text: string): Ip {
  return parseIp(text) ?? assert.fail(text);
}

function cidr(text: string): Cidr {
  return parseCidr(text) ?? assert.fail(text);
}

test('an address tells its family, and is printed as it was read', () => {
  for (const [text, family, bits] of [
    ['10.5.1.0', 'ipv4', 32],
    ['fd00:12::1', 'ipv6', 128],
  ] as const) {
    assert.equal(familyOf(ip(text)), family);
    assert.equal(addressBits(ip(text)), bits);
    assert.equal(formatIp(ip(text)), text);
  }
  assert.equal(parseIp('10.5.1'), undefined);
  assert.equal(parseIp('eth0'), undefined);
});

test('networks of both families are masked, contain and overlap alike', () => {
  for (const [outer, inner, other, last] of [
    ['10.5.0.0/16', '10.5.7.0/24', '10.6.0.0/24', '10.5.255.255'],
    ['fd00:12::/48', 'fd00:12:0:7::/64', 'fd00:13::/64', 'fd00:12:0:ffff:ffff:ffff:ffff:ffff'],
  ] as const) {
    assert.equal(formatCidr(maskCidr(cidr(inner))), inner);
    assert.equal(formatIp(lastIpOf(cidr(outer))), last);
    assert.ok(cidrContains(cidr(outer), cidr(inner).address));
    assert.ok(cidrEncloses(cidr(outer), cidr(inner)));
    assert.ok(!cidrEncloses(cidr(inner), cidr(outer)));
    assert.ok(cidrsOverlap(cidr(inner), cidr(outer)) && cidrsOverlap(cidr(outer), cidr(inner)));
    assert.ok(!cidrsOverlap(cidr(inner), cidr(other)));
  }
});

test('the families never mix: no network contains or overlaps one of the other', () => {
  assert.ok(!cidrContains(cidr('0.0.0.0/0'), ip('::1')));
  assert.ok(!cidrContains(cidr('::/0'), ip('10.0.0.1')));
  assert.ok(!cidrsOverlap(cidr('0.0.0.0/0'), cidr('::/0')));
});

test('keys tell networks apart by family, address and length', () => {
  const texts = ['0.0.0.0/0', '::/0', '0.0.0.0/8', '::/8', '::1/128', '10.5.0.0/16', '10.5.0.0/24', 'fd00::/16'];
  assert.equal(new Set(texts.map((text) => cidrKey(cidr(text)))).size, texts.length);
});
