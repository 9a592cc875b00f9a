import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatIpv4, parseIpv4 } from './ipv4.ts';

const address = fc.integer({ min: 0, max: 0xffffffff });

test('every IPv4 address survives its text', () => {
  fc.assert(fc.property(address, (value) => assert.equal(parseIpv4(formatIpv4(value)), value)));
});

test('addresses above 127.255.255.255 are positive numbers', () => {
  assert.equal(parseIpv4('255.255.255.255'), 0xffffffff);
  assert.equal(formatIpv4(0xe0000001), '224.0.0.1');
});

for (const text of [
  '',
  '1.2.3',
  '1.2.3.4.5',
  '256.0.0.1',
  '01.2.3.4',
  '1.2.3.-4',
  '1.2.3.4 ',
  '1.2.3.4/8',
  '::1',
  '1..2.3',
  '1e1.0.0.0',
]) {
  test(`"${text}" is no IPv4 address`, () => assert.equal(parseIpv4(text), undefined));
}
