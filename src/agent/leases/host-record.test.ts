import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  claimRefusal,
  cloneFault,
  formatHostRecord,
  type HostRecord,
  hostAddress,
  hostMarkOf,
  isSameMachine,
  judgeHostRecord,
  parseHostRecord,
} from './host-record.ts';
import { attributesOf, dualAttributesOf } from './lease-builders.ts';

const ID = '0123456789abcdef0123456789abcdef';
const BOOT = '3b0dbf1c-2a47-4b0e-8b36-0f9c1a5f1a11';
const A = hostMarkOf(ID, BOOT, 'a');
const B = hostMarkOf('f'.repeat(32), BOOT, 'b');

test('a mark is made of the ids and shows neither', () => {
  const text = formatHostRecord(A);
  assert.match(text, /^\{"machine":"[\da-f]{32}","boot":"[\da-f]{32}","name":"a"\}$/);
  assert.ok(!text.includes(ID) && !text.includes(BOOT));
  assert.deepEqual(hostMarkOf(ID, BOOT, 'a'), A);
});

test('another machine id and another boot make another machine, another name does not', () => {
  assert.equal(isSameMachine(A, hostMarkOf(ID, BOOT, 'renamed')), true);
  assert.equal(isSameMachine(A, B), false);
  assert.equal(isSameMachine(A, hostMarkOf(ID, 'another boot', 'a')), false);
});

test('a host name is cut to what is plain and short', () => {
  assert.equal(hostMarkOf(ID, BOOT, 'a b\n"\u{1f600}.example').name, 'ab.example');
  assert.equal(hostMarkOf(ID, BOOT, 'x'.repeat(300)).name.length, 64);
});

test('a record is read as it was written', () => {
  const records: readonly HostRecord[] = [A, { ...A, since: 7 }, { ...A, asker: B }, { ...A, since: 1, asker: B }];
  for (const record of records) assert.deepEqual(parseHostRecord(formatHostRecord(record)), record);
});

test('what we would not have written is no record', () => {
  const wrong = [
    '',
    'null',
    '[]',
    '7',
    '{"machine":',
    JSON.stringify({ ...A, machine: 'short' }),
    JSON.stringify({ ...A, boot: 7 }),
    JSON.stringify({ ...A, name: 'two words' }),
    JSON.stringify({ ...A, name: undefined }),
    JSON.stringify({ ...A, since: -1 }),
    JSON.stringify({ ...A, since: 0.5 }),
    JSON.stringify({ ...A, asker: null }),
    JSON.stringify({ ...A, asker: { ...B, name: 'x'.repeat(65) } }),
    JSON.stringify({ ...A, more: 'x'.repeat(1000) }),
  ];
  for (const text of wrong) assert.equal(parseHostRecord(text), undefined, text);
});

test('any text is read or refused, never thrown at', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      const record = parseHostRecord(text);
      if (record !== undefined) assert.deepEqual(parseHostRecord(formatHostRecord(record)), record);
    }),
  );
});

test('nobody claims what cannot be read, and what we wrote is ours, asked about or not', () => {
  assert.equal(judgeHostRecord(undefined, 5, A, undefined), 'free');
  assert.equal(judgeHostRecord(A, 5, A, undefined), 'ours');
  assert.equal(judgeHostRecord({ ...A, asker: B }, 5, A, 3), 'ours');
});

test("only another machine's record refuses a claim", () => {
  const key = '/p/hosts/10.77.0.11';
  assert.equal(claimRefusal(key, formatHostRecord(A), 5, A), undefined);
  assert.equal(claimRefusal(key, 'nonsense', 5, A), undefined);
  assert.deepEqual(claimRefusal(key, formatHostRecord(B), 5, A), cloneFault(key, B, A));
});

test('another machine holds the address, unless our claim is the older one', () => {
  assert.equal(judgeHostRecord(B, 5, A, undefined), 'held');
  assert.equal(judgeHostRecord(B, 5, A, 7), 'held');
  assert.equal(judgeHostRecord(B, 5, A, 3), 'take-back');
  assert.equal(judgeHostRecord({ ...B, since: 2 }, 5, A, 3), 'held');
});

test('of two machines that both have a claim exactly one gives way', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.integer({ min: 1, max: 1000 }), { minLength: 2, maxLength: 2 }),
      ([one = 1, two = 2]) => {
        const ofB = judgeHostRecord({ ...A, since: one }, 2000, B, two);
        const ofA = judgeHostRecord({ ...B, since: two }, 2000, A, one);
        assert.deepEqual([ofA, ofB].sort(), ['held', 'take-back']);
      },
    ),
  );
});

test("a host is called by its lease's address, of IPv6 alone by that one", () => {
  assert.equal(hostAddress(attributesOf('10.77.0.11')), '10.77.0.11');
  assert.equal(hostAddress(dualAttributesOf('10.77.0.11', 'fd00::11')), '10.77.0.11');
  assert.equal(hostAddress(dualAttributesOf('0.0.0.0', 'fd00::11')), 'fd00::11');
});

test('the fault names address, host, cause and remedy', () => {
  const fault = cloneFault('/p/hosts/10.77.0.11', B, A);
  assert.equal(fault.code, 'lease.clone');
  assert.match(
    fault.summary,
    /^the address 10\.77\.0\.11 is held by another machine, host "b" \([\da-f]{8}\) \(\/p\/hosts\//,
  );
  assert.match(fault.summary, /a cloned image, or the address configured twice$/);
  assert.match(fault.remedy, /address of its own.*rm \/etc\/machine-id && systemd-machine-id-setup/);
  const copy = cloneFault('/p/hosts/10.77.0.11', hostMarkOf(ID, 'another boot', 'a'), A);
  assert.match(copy.summary, /copy of the disk/);
});
