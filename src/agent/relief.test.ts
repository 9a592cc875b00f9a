import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#runtime/clock.ts';
import { Relief } from './relief.ts';

function relief() {
  const clock = new ManualClock();
  const done: number[] = [];
  return { clock, done, relief: new Relief(clock, () => done.push(clock.now())) };
}

test('memory is given back once, after a quiet second', () => {
  const { clock, done, relief: one } = relief();
  one.worked();
  one.soon();
  one.soon();
  clock.advance(5000);
  assert.deepEqual(done, [1000]);
});

test('a burst is waited for', () => {
  const { clock, done, relief: one } = relief();
  one.soon();
  clock.advance(900);
  one.worked();
  clock.advance(5000);
  assert.deepEqual(done, [2000]);
});

test('nothing is done after the end', () => {
  const { clock, done, relief: one } = relief();
  one.soon();
  one.stop();
  clock.advance(5000);
  assert.deepEqual(done, []);
});
