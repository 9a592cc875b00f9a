import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { TimerQueue } from './timer-queue.ts';

test('timers come out by their time, those of one moment in the order of their making, and removed ones never', () => {
  const timers = fc.array(fc.record({ at: fc.nat(20), removed: fc.boolean() }), { maxLength: 60 });
  fc.assert(
    fc.property(timers, (list) => {
      const queue = new TimerQueue();
      const fired: number[] = [];
      const removals = list.map(({ at }, order) => queue.add(at, () => fired.push(order)));
      for (const [order, remove] of removals.entries()) if (list[order]?.removed === true) remove();
      const kept = list.flatMap(({ at, removed }, order) => (removed ? [] : [{ at, order }]));
      assert.equal(queue.size, kept.length);
      for (let timer = queue.take(); timer !== undefined; timer = queue.take()) timer.wake();
      assert.deepEqual(
        fired,
        kept.toSorted((a, b) => a.at - b.at || a.order - b.order).map(({ order }) => order),
      );
    }),
  );
});

test('what was taken or removed is gone: removing it again removes nobody else', () => {
  const queue = new TimerQueue();
  const remove = queue.add(1, () => undefined);
  queue.add(2, () => undefined);
  assert.equal(queue.take()?.at, 1);
  remove();
  remove();
  assert.equal(queue.first?.at, 2);
  assert.equal(queue.size, 1);
});
