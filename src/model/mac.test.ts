import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { macFromRandom, parseMac } from './mac.ts';

test('a MAC made of random bytes is one that we accept from peers', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 6, maxLength: 6 }), (bytes) => {
      const mac = macFromRandom(bytes);
      assert.equal(parseMac(mac), mac);
      assert.equal(Number.parseInt(mac.slice(0, 2), 16) & 3, 2, 'locally administered and unicast');
    }),
  );
});

test('upper-case text becomes lower-case', () => assert.equal(parseMac('7E:74:C7:9E:78:6A'), '7e:74:c7:9e:78:6a'));

for (const text of [
  '',
  '00:00:00:00:00:00',
  'ff:ff:ff:ff:ff:ff',
  '01:00:5e:00:00:01',
  '7e:74:c7:9e:78',
  '7e-74-c7-9e-78-6a',
  '7e:74:c7:9e:78:6a:00',
  '7e:74:c7:9e:78:6g',
]) {
  test(`"${text}" is no MAC of a peer`, () => assert.equal(parseMac(text), undefined));
}
