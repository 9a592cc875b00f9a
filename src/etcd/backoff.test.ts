import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Backoff } from './backoff.ts';

test('pauses double from 50 ms to 5 s, and begin anew after a success', () => {
  const backoff = new Backoff(() => 1);
  const pauses = Array.from({ length: 9 }, () => backoff.next());
  assert.deepEqual(pauses, [50, 100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
  backoff.reset();
  assert.equal(backoff.next(), 50);
});

test('each pause is shortened at random by up to a half', () => {
  assert.equal(new Backoff(() => 0).next(), 25);
});
