import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  endHolds,
  type Fights,
  fightsUnderWay,
  forgetOld,
  isHeld,
  nextHoldEnd,
  noteHeld,
  noteRepairs,
} from './fights.ts';

const ROUTE = 'route 172.30.9.0/24';

/** Repairs the route that often, `everyMs`; returns the time after the last one and what became a fight. */
function repair(fights: Fights, times: number, everyMs: number, from = 0) {
  const begun = [];
  let now = from;
  for (let round = 0; round < times; round += 1) {
    now += everyMs;
    begun.push(...noteRepairs(fights, [ROUTE], [`ip (pid ${round})`], now));
  }
  return { now, begun };
}

test('more than ten repairs within a minute are a fight, told once with those who caused it', () => {
  const fights: Fights = new Map();
  const ten = repair(fights, 10, 100);
  assert.deepEqual([ten.begun, isHeld(fights, ROUTE, ten.now), fightsUnderWay(fights)], [[], false, []]);
  const { now, begun } = repair(fights, 1, 100, ten.now);
  assert.deepEqual(
    begun.map(({ object, causers }) => [object, causers.length]),
    [[ROUTE, 5]],
  );
  assert.deepEqual(fightsUnderWay(fights), [ROUTE]);
  assert.ok(isHeld(fights, ROUTE, now + 999));
  assert.equal(isHeld(fights, ROUTE, now + 1000), false);
  assert.equal(isHeld(fights, 'neighbor 172.30.9.0', now), false);
  assert.deepEqual(repair(fights, 1, 1000, now).begun, []);
});

test('ten repairs a minute, however long, are no fight', () => {
  assert.deepEqual(repair(new Map(), 500, 6100).begun, []);
});

test('in a fight the pause doubles up to a minute, and is waited for only when something was left alone', () => {
  const fights: Fights = new Map();
  let { now } = repair(fights, 11, 10);
  const pauses: number[] = [];
  for (let round = 0; round < 8; round += 1) {
    assert.equal(nextHoldEnd(fights), Number.POSITIVE_INFINITY);
    noteHeld(fights, [ROUTE]);
    pauses.push(nextHoldEnd(fights) - now);
    now = nextHoldEnd(fights);
    noteRepairs(fights, [ROUTE], [], now);
  }
  assert.deepEqual(pauses, [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
});

test('after a calm time a fight is over, and one more repair is nothing', () => {
  const fights: Fights = new Map();
  const { now } = repair(fights, 11, 10);
  assert.deepEqual(forgetOld(fights, now + 180_000), []);
  assert.deepEqual(forgetOld(fights, now + 180_001), [ROUTE]);
  assert.deepEqual(repair(fights, 1, 1, now + 180_001).begun, []);
  assert.deepEqual(forgetOld(fights, now + 400_000), []);
});

test('a hold ends once, whether the object is put right then or was by somebody else', () => {
  const fights: Fights = new Map();
  const { now } = repair(fights, 11, 10);
  assert.equal(endHolds(fights, now + 5000), false);
  noteHeld(fights, [ROUTE]);
  assert.equal(endHolds(fights, now + 999), false);
  assert.equal(endHolds(fights, now + 1000), true);
  assert.equal(endHolds(fights, now + 1000), false);
  assert.equal(nextHoldEnd(fights), Number.POSITIVE_INFINITY);
});

test('what waits to be put right is not forgotten', () => {
  const fights: Fights = new Map();
  const { now } = repair(fights, 11, 10);
  noteHeld(fights, [ROUTE]);
  assert.deepEqual(forgetOld(fights, now + 1_000_000), []);
});

test('what is remembered is bounded, and the oldest goes first', () => {
  const fights: Fights = new Map();
  for (let number = 0; number < 3000; number += 1) {
    noteRepairs(fights, [`route ${number}`], [], number);
    forgetOld(fights, number);
  }
  assert.equal(fights.size, 1000);
  assert.ok(fights.has('route 2999'));
});
