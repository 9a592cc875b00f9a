import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatSubnetKey, parseSubnetKey, type SubnetKey } from './subnet-key.ts';

const plain = { noNullPrototype: true } as const;
const ipv4 = fc.record(
  { address: fc.integer({ min: 0, max: 0xffffffff }), length: fc.integer({ min: 0, max: 31 }) },
  plain,
);
const ipv6 = fc.record(
  {
    // Mapped IPv4 is written with dots, which no key can hold; it is no network of Pods.
    address: fc.bigInt({ min: 1n << 48n, max: (1n << 128n) - 1n }),
    length: fc.integer({ min: 0, max: 127 }),
  },
  plain,
);
const subnet: fc.Arbitrary<SubnetKey> = fc.oneof(
  fc.record({ ipv4 }, plain),
  fc.record({ ipv4, ipv6 }, plain),
  fc.record({ ipv6 }, plain),
);

test('every subnet survives its key, host bits kept', () => {
  fc.assert(fc.property(subnet, (key) => assert.deepEqual(parseSubnetKey(formatSubnetKey(key)), key)));
});

test('a full key is read as well as the name alone', () => {
  fc.assert(
    fc.property(subnet, (key) =>
      assert.deepEqual(parseSubnetKey(`/coreos.com/network/subnets/${formatSubnetKey(key)}`), key),
    ),
  );
});

test('the keys of the specification are written letter for letter', () => {
  const v4 = { ipv4: { address: 0x0a050100, length: 24 } };
  assert.equal(formatSubnetKey(v4), '10.5.1.0-24');
  const dual = { ipv4: { address: 0x0a0c0d00, length: 24 }, ipv6: { address: 0xfd0000120013n << 80n, length: 56 } };
  assert.equal(formatSubnetKey(dual), '10.12.13.0-24&fd00:12:13::-56');
  assert.deepEqual(parseSubnetKey('10.12.13.0-24&fd00:12:13::-56'), dual);
});

test('IPv6 alone has a name that flannel takes for no subnet', () => {
  const alone = { ipv6: { address: 0xfd0000120013n << 80n, length: 56 } };
  assert.equal(formatSubnetKey(alone), 'fd00:12:13::-56');
  assert.deepEqual(parseSubnetKey('fd00:12:13::-56'), alone);
  // The patterns of flannel 0.28 and 0.11, on a full key (spec §2.1).
  const key = '/coreos.com/network/subnets/fd00:12:13::-56';
  assert.doesNotMatch(key, /(\d+\.\d+.\d+.\d+)-(\d+)(?:&([a-f\d:]+)-(\d+))?$/);
  assert.doesNotMatch(key, /(\d+\.\d+.\d+.\d+)-(\d+)/);
});

test('what flannel reads although nobody writes it is read alike', () => {
  const expected = { ipv4: { address: 0x0a050100, length: 24 } };
  for (const text of ['x10.5.1.0-24', 'a/b/10.5.1.0-24', '9.10.5.1.0-24', '10.5.1.0-024']) {
    assert.deepEqual(parseSubnetKey(text), expected, text);
  }
});

const FOREIGN = [
  '',
  'config',
  '10.5.1.0',
  '10.5.1.0/24',
  '10.5.1.0-32',
  '10.5.1.0-999999999999999999999',
  '10.5.1.0-24x',
  '10.5.1.0-24\n',
  '10.5x1x0-24',
  '256.5.1.0-24',
  '10.05.1.0-24',
  '10.5.1.0-24&',
  '10.5.1.0-24&FD00::-64',
  '10.5.1.0-24&fd00::-128',
  '10.5.1.0-24&fd00:::-64',
  'fd00::-128',
  'FD00::-64',
  'xfd00::-64',
  'fd00::-64&10.5.1.0-24x',
  '-64',
  // Those that flannel's own tests have.
  '10',
  '10.12.13.0',
  '10.12.13-24',
  '10.12.13.300-24',
  '10.12.13.0-24hi',
  '&2001::-56',
  '10.12.13.0-24&:12:13:-56',
  '10.12.13.0-24&20011::-56',
  '10.12.13.0-24&2001-56',
  '10.12.13.0-24&2001::',
  '10.12.13.0-24&2001::-56hi',
];
for (const text of FOREIGN) {
  test(`${JSON.stringify(text)} names no subnet`, () => assert.equal(parseSubnetKey(text), undefined));
}

test('no text whatever makes the reader throw', () => {
  const alphabet = fc.constantFrom(...'0123456789abcdf.:-&/');
  fc.assert(fc.property(fc.oneof(fc.string(), fc.string({ unit: alphabet })), (text) => void parseSubnetKey(text)));
});

test('a hostile key of a megabyte is refused at once', () => {
  const started = performance.now();
  assert.equal(parseSubnetKey(`${'1.'.repeat(500_000)}x`), undefined);
  assert.equal(parseSubnetKey(`${'1'.repeat(1_000_000)}`), undefined);
  assert.ok(performance.now() - started < 2000);
});
