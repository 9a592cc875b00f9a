import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attributesOf, leaseOf } from './lease-builders.ts';
import { isTwin, namesOwner } from './own-twin.ts';

const OWN = leaseOf('10.5.4.0-24', '10.77.0.11', { created: 50, modified: 60 });
const OTHER_MAC = '8a:00:00:00:00:02';

test('an older record with our address, or with our MAC, is a twin', () => {
  assert.ok(isTwin(leaseOf('10.5.6.0-24', '10.77.0.11', { created: 10, modified: 55 }), OWN));
  assert.ok(isTwin(leaseOf('10.5.6.0-24', '10.77.0.12', { created: 10, modified: 55 }), OWN));
});

test('with our address and another MAC it is one if nobody wrote it since we have our lease', () => {
  const attributes = attributesOf('10.77.0.11', OTHER_MAC);
  assert.ok(isTwin(leaseOf('10.5.6.0-24', '10.77.0.11', { created: 10, modified: 49, attributes }), OWN));
  assert.ok(!isTwin(leaseOf('10.5.6.0-24', '10.77.0.11', { created: 10, modified: 55, attributes }), OWN));
});

for (const [what, lease] of [
  ['a reservation', leaseOf('10.5.6.0-24', '10.77.0.11', { created: 10, modified: 10, reservation: true })],
  ['a younger claim', leaseOf('10.5.6.0-24', '10.77.0.11', { created: 51, modified: 51 })],
  ['a record written after ours', leaseOf('10.5.6.0-24', '10.77.0.11', { created: 10, modified: 61 })],
  ['our own lease', leaseOf('10.5.4.0-24', '10.77.0.11', { created: 10, modified: 10 })],
  [
    "another host's",
    leaseOf('10.5.6.0-24', '10.77.0.12', {
      created: 1,
      modified: 1,
      attributes: attributesOf('10.77.0.12', OTHER_MAC),
    }),
  ],
] as const) {
  test(`${what} is no twin`, () => {
    assert.ok(!isTwin(lease, OWN));
  });
}

test('a host that holds its subnet without a key gives up nothing', () => {
  const held = { ...OWN, created: 0, modified: 0 };
  assert.ok(!isTwin(leaseOf('10.5.6.0-24', '10.77.0.11', { created: 10, modified: 10 }), held));
});

test('without backend data a host is known by its address alone', () => {
  const { backendData: _, ...bare } = attributesOf('10.77.0.11');
  const own = { ...OWN, attributes: bare };
  const { backendData: __, ...others } = attributesOf('10.77.0.12');
  assert.ok(!namesOwner(leaseOf('10.5.6.0-24', '10.77.0.12', { attributes: others }), own));
  assert.ok(namesOwner(leaseOf('10.5.6.0-24', '10.77.0.11', { attributes: bare }), own));
});
