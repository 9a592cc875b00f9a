import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatIpv4Cidr, ipv4CidrContains, ipv4CidrsOverlap, lastIpv4Of, maskIpv4Cidr, parseIpv4Cidr } from './cidr.ts';
import { formatIpv4 } from './ipv4.ts';

const address = fc.integer({ min: 0, max: 0xffffffff });
const cidr = fc.record({ address, length: fc.integer({ min: 0, max: 32 }) }, { noNullPrototype: true });

test('every IPv4 CIDR survives its text, host bits kept', () => {
  fc.assert(fc.property(cidr, (value) => assert.deepEqual(parseIpv4Cidr(formatIpv4Cidr(value)), value)));
});

test('masking clears the host bits, as BigInt arithmetic does', () => {
  fc.assert(
    fc.property(cidr, (value) => {
      const hostBits = BigInt(32 - value.length);
      assert.equal(BigInt(maskIpv4Cidr(value).address), (BigInt(value.address) >> hostBits) << hostBits);
    }),
  );
});

test('a network contains exactly the addresses from its first to its last', () => {
  fc.assert(
    fc.property(cidr, address, (value, other) => {
      const expected = maskIpv4Cidr(value).address <= other && other <= lastIpv4Of(value);
      assert.equal(ipv4CidrContains(value, other), expected);
      assert.ok(ipv4CidrContains(value, value.address));
    }),
  );
});

test('two networks overlap when one contains the other', () => {
  fc.assert(
    fc.property(cidr, cidr, (a, b) => {
      const nested = ipv4CidrContains(a, maskIpv4Cidr(b).address) || ipv4CidrContains(b, maskIpv4Cidr(a).address);
      assert.equal(ipv4CidrsOverlap(a, b), nested);
    }),
  );
});

test('the last address of 10.5.0.0/16 is 10.5.255.255, and the whole space ends at 255.255.255.255', () => {
  assert.equal(formatIpv4(lastIpv4Of({ address: 0x0a050000, length: 16 })), '10.5.255.255');
  assert.equal(lastIpv4Of({ address: 0, length: 0 }), 0xffffffff);
});

for (const text of ['10.5.0.0', '10.5.0.0/', '10.5.0.0/33', '10.5.0.0/-1', '10.5.0.0/8/8', 'fd00::/8', '/8']) {
  test(`"${text}" is no IPv4 CIDR`, () => assert.equal(parseIpv4Cidr(text), undefined));
}
