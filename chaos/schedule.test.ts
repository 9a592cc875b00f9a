import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { seededRandom } from './random.ts';
import { schedule } from './schedule.ts';

const FAULTS = ['kill', 'pause', 'cut', 'flush'];

test('the same seed gives the same faults and the same choices; another seed gives others', () => {
  const play = (seed: number): readonly unknown[] =>
    schedule(FAULTS, seed)
      .take(40)
      .map(({ number, fault, random }) => [number, fault, random.between(1, 1_000_000)])
      .toArray();
  assert.deepEqual(play(42), play(42));
  assert.notDeepEqual(play(42), play(43));
});

test('every round has every fault once, whatever the seed', () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const names = schedule(FAULTS, seed)
        .take(12)
        .map(({ fault }) => fault)
        .toArray();
      for (const at of [0, 4, 8]) assert.deepEqual(names.slice(at, at + 4).toSorted(), FAULTS.toSorted());
    }),
  );
});

test('a schedule of nothing is a mistake', () => {
  assert.throws(() => schedule([], 1).next(), RangeError);
});

test('random numbers stay in their range and reach all of it, for any seed', () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const random = seededRandom(seed);
      const seen = new Set(Array.from({ length: 200 }, () => random.between(2, 4)));
      assert.deepEqual([...seen].toSorted(), [2, 3, 4]);
      const shares = Array.from({ length: 200 }, random.next);
      assert(shares.every((share) => share >= 0 && share < 1));
    }),
  );
});

test('nothing can be picked from nothing', () => {
  assert.throws(() => seededRandom(1).pick([]), /nothing to pick from/);
});
