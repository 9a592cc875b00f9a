import assert from 'node:assert/strict';
import { isIPv6 } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  formatIpv6,
  formatIpv6Cidr,
  ipv6CidrContains,
  ipv6CidrsOverlap,
  lastIpv6Of,
  maskIpv6Cidr,
  parseIpv6,
  parseIpv6Cidr,
} from './ipv6.ts';

/** Many zero groups, so that compression has something to do. */
const group = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff }));
const address = fc
  .array(group, { minLength: 8, maxLength: 8 })
  .map((groups) => groups.reduce((value, each) => (value << 16n) | BigInt(each), 0n));
const cidr = fc.record({ address, length: fc.integer({ min: 0, max: 128 }) }, { noNullPrototype: true });

test('every IPv6 address survives its text', () => {
  fc.assert(fc.property(address, (value) => assert.equal(parseIpv6(formatIpv6(value)), value)));
});

test('the text is the one that the URL standard writes', () => {
  fc.assert(
    fc.property(address, (value) => {
      if (value >> 32n === 0xffffn) return;
      assert.equal(`[${formatIpv6(value)}]`, new URL(`http://[${formatIpv6(value)}]/`).hostname);
    }),
  );
});

const CANONICAL: readonly (readonly [written: string, canonical: string])[] = [
  ['::', '::'],
  ['0:0:0:0:0:0:0:1', '::1'],
  ['1::', '1::'],
  ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ['2001:0db8:0:0:0:0:2:1', '2001:db8::2:1'],
  ['fc00:0:0:ffff:0:0:0:0', 'fc00:0:0:ffff::'],
  ['::ffff:192.0.2.1', '::ffff:192.0.2.1'],
  ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
];
for (const [written, canonical] of CANONICAL) {
  test(`${written} is written as ${canonical}`, () => assert.equal(formatIpv6(parseIpv6(written) ?? -1n), canonical));
}

test('what we take for an address, Node takes for one too, and the other way round', () => {
  const piece = fc.constantFrom(':', '::', '0', '1', 'ffff', 'g', '12345', '1.2.3.4', '.', '%', 'A');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const text = pieces.join('');
      assert.equal(parseIpv6(text) !== undefined, isIPv6(text) && !text.includes('%'), text);
    }),
    { numRuns: 3000 },
  );
});

test('IPv6 CIDRs survive their text; masking, last address, containing and overlapping agree', () => {
  fc.assert(
    fc.property(cidr, cidr, (a, b) => {
      assert.deepEqual(parseIpv6Cidr(formatIpv6Cidr(a)), a);
      assert.ok(ipv6CidrContains(a, a.address) && ipv6CidrContains(a, lastIpv6Of(a)));
      const nested = ipv6CidrContains(a, maskIpv6Cidr(b).address) || ipv6CidrContains(b, maskIpv6Cidr(a).address);
      assert.equal(ipv6CidrsOverlap(a, b), nested);
    }),
  );
});

for (const text of ['fd00::', 'fd00::/129', 'fd00::/x', '10.0.0.0/8', '/64']) {
  test(`"${text}" is no IPv6 CIDR`, () => assert.equal(parseIpv6Cidr(text), undefined));
}
