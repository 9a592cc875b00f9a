import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { freeSlots, type SlotInterval } from './free-slots.ts';

const interval = fc
  .tuple(fc.integer({ min: -10, max: 60 }), fc.integer({ min: 0, max: 20 }))
  .map(([first, more]): SlotInterval => [first, first + more]);

test('the free slots are those that walking one by one finds', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 50 }), fc.array(interval, { maxLength: 12 }), (count, occupied) => {
      const walked: number[] = [];
      for (let slot = 0; slot < count; slot++) {
        if (!occupied.some(([first, last]) => first <= slot && slot <= last)) walked.push(slot);
      }
      const slots = freeSlots(count, occupied);
      assert.equal(slots.free, walked.length);
      assert.deepEqual(
        walked.map((_, rank) => slots.at(rank)),
        walked,
      );
    }),
  );
});

test('a rank that does not exist is a mistake of the caller', () => {
  assert.throws(() => freeSlots(2, [[0, 0]]).at(1), RangeError);
});
