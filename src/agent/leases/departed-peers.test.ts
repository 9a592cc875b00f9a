import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Lease } from '#model/lease.ts';
import { formatSubnetKey } from '#model/subnet-key.ts';
import { DepartedPeers, type WithdrawRules } from './departed-peers.ts';
import { leaseOf } from './lease-builders.ts';

const RULES: WithdrawRules = { graceMs: 3000, limitPercent: 30, holdMs: 3_600_000 };

function peers(count: number, from = 0): readonly Lease[] {
  return Array.from({ length: count }, (_, index) =>
    leaseOf(`10.${1 + ((from + index) >> 8)}.${(from + index) & 255}.0-24`, '10.77.0.1'),
  );
}

function names(leases: readonly Lease[]): readonly string[] {
  return leases.map(({ subnet }) => formatSubnetKey(subnet));
}

test('one of many is kept for the grace and then withdrawn', () => {
  const departed = new DepartedPeers(RULES);
  const [peer] = peers(1);
  assert.ok(peer !== undefined);
  assert.equal(departed.deadline, Number.POSITIVE_INFINITY);
  departed.left([peer], 1000);
  assert.deepEqual(departed.leases, [peer]);
  assert.equal(departed.deadline, 4000);
  assert.deepEqual(departed.expire(3999, 50), { withdrawn: [], held: [] });
  assert.deepEqual(departed.expire(4000, 50), { withdrawn: [peer], held: [] });
  assert.equal(departed.size, 0);
  assert.equal(departed.deadline, Number.POSITIVE_INFINITY);
});

test('one that is back in time was never away, and is waited for anew when it leaves again', () => {
  const departed = new DepartedPeers(RULES);
  const [peer, other] = peers(2);
  assert.ok(peer !== undefined && other !== undefined);
  departed.left([peer], 0);
  assert.equal(departed.returned(peer), peer);
  assert.equal(departed.returned(peer), undefined);
  assert.equal(departed.size, 0);
  departed.left([other], 1000);
  departed.left([peer], 2000);
  assert.deepEqual(departed.expire(4000, 50).withdrawn, [other]);
  assert.deepEqual(departed.expire(5000, 50).withdrawn, [peer]);
});

test('without a grace a peer is withdrawn in the same moment, as flannel does', () => {
  const departed = new DepartedPeers({ ...RULES, graceMs: 0 });
  departed.left(peers(1), 70_000);
  assert.equal(departed.expire(70_000, 50).withdrawn.length, 1);
});

for (const [known, gone, isHeld] of [
  [2, 2, false],
  [3, 3, true],
  [9, 3, true],
  [10, 3, false],
  [100, 30, false],
  [100, 31, true],
] as const) {
  test(`of ${known} peers ${gone} that leave at once are ${isHeld ? 'held' : 'withdrawn'}`, () => {
    const departed = new DepartedPeers(RULES);
    departed.left(peers(gone), 0);
    const { withdrawn, held } = departed.expire(3000, known - gone);
    assert.deepEqual([withdrawn.length, held.length], isHeld ? [0, gone] : [gone, 0]);
  });
}

test('those that leave one after the other within the grace count together', () => {
  const departed = new DepartedPeers(RULES);
  for (const [index, peer] of peers(40).entries()) departed.left([peer], index * 70);
  const { withdrawn, held } = departed.expire(3000, 60);
  assert.deepEqual([withdrawn.length, held.length], [0, 40]);
  assert.equal(departed.heldSince, 0);
});

test('while peers are held, whoever leaves later is held with them', () => {
  const departed = new DepartedPeers(RULES);
  departed.left(peers(40), 0);
  departed.expire(3000, 60);
  departed.left(peers(1, 200), 60_000);
  assert.deepEqual(departed.expire(63_000, 59), { withdrawn: [], held: peers(1, 200) });
  assert.equal(departed.heldCount, 41);
  assert.equal(departed.leases.length, 41);
});

test('held peers are let go one by one as they return, all on request, and at last by time', () => {
  const departed = new DepartedPeers(RULES);
  const all = peers(40);
  const [back, ...others] = all;
  departed.left(all, 0);
  departed.expire(3000, 60);
  assert.ok(back !== undefined);
  assert.equal(departed.returned(back), back);
  assert.equal(departed.heldCount, 39);
  assert.equal(departed.deadline, 3_603_000);
  assert.deepEqual(departed.expire(3_602_999, 61).withdrawn, []);
  assert.deepEqual(names(departed.expire(3_603_000, 61).withdrawn), names(others));
  departed.left(peers(40), 4_000_000);
  departed.expire(4_003_000, 60);
  assert.equal(departed.release().length, 40);
  assert.deepEqual([departed.size, departed.heldSince], [0, undefined]);
});

test('a limit of 100 holds nobody', () => {
  const departed = new DepartedPeers({ ...RULES, limitPercent: 100 });
  departed.left(peers(40), 0);
  assert.equal(departed.expire(3000, 0).withdrawn.length, 40);
});

test('after the store was away everybody has the grace once more', () => {
  const departed = new DepartedPeers(RULES);
  const [early, late] = peers(2);
  assert.ok(early !== undefined && late !== undefined);
  departed.left([early], 0);
  departed.postpone(50_000);
  departed.left([late], 51_000);
  assert.deepEqual(departed.expire(52_999, 50).withdrawn, []);
  assert.deepEqual(departed.expire(53_000, 50).withdrawn, [early]);
  assert.equal(departed.deadline, 54_000);
});

test('a deadline that was slept over is no verdict: what came meanwhile is heard first', () => {
  const departed = new DepartedPeers(RULES);
  departed.left(peers(1), 0);
  assert.deepEqual(departed.expire(500_000, 50), { withdrawn: [], held: [] });
  assert.equal(departed.deadline, 503_000);
  assert.equal(departed.expire(503_000, 50).withdrawn.length, 1);
});

test('each of 10,000 departures and returns costs as much as the first', () => {
  const departed = new DepartedPeers(RULES);
  const all = peers(10_000);
  const started = performance.now();
  for (const peer of all) {
    departed.left([peer], 0);
    departed.expire(1, 10_000);
  }
  for (const peer of all) {
    departed.returned(peer);
    departed.expire(2, 10_000);
  }
  // Ten thousand looks at ten thousand peers each would take many seconds.
  assert.ok(performance.now() - started < 5000);
  assert.equal(departed.size, 0);
});
