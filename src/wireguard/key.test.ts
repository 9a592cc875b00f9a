import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generatePrivateKey, keyBytes, keyFromBytes, parseKey, publicKeyOf } from './key.ts';

/** As wg genkey and wg pubkey printed them. */
const PRIVATE = 'sFsM4x9wOVCsNF8+8jAZV2u6rgiLqwAnNM2RCnj+9WI=';
const PUBLIC = 'n6kfXk8lW0dKsYEf6g9KM1ljUhql6nwdVeuhktdLG1M=';

test('the public key is the one that wg pubkey prints', () => {
  assert.equal(publicKeyOf(PRIVATE), PUBLIC);
});

test('a new key is clamped, and never the same', () => {
  const key = generatePrivateKey();
  const bytes = keyBytes(key);
  assert.equal(bytes.readUInt8(0) & 7, 0);
  assert.equal(bytes.readUInt8(31) >> 6, 1);
  assert.notEqual(generatePrivateKey(), key);
  assert.equal(parseKey(key), key);
});

test('white space around a key is dropped', () => {
  assert.equal(parseKey(` ${PRIVATE}\r\n`), PRIVATE);
});

for (const text of [
  '',
  'x',
  PRIVATE.slice(1),
  `${PRIVATE}=`,
  `${'A'.repeat(43)}=`,
  `${'A'.repeat(42)}B=`,
  `${PRIVATE}\n${PRIVATE}`,
]) {
  test(`${JSON.stringify(text)} is no key`, () => assert.equal(parseKey(text), undefined));
}

test('bytes that are not 32, or all zero, are no key', () => {
  assert.equal(keyFromBytes(Buffer.alloc(32)), undefined);
  assert.equal(keyFromBytes(Buffer.alloc(31, 1)), undefined);
  assert.equal(keyFromBytes(keyBytes(PUBLIC)), PUBLIC);
});
