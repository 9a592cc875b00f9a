import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { mapConcurrent } from './map-concurrent.ts';

test('results come in the order of the items and never more than the limit run at once', async () => {
  let running = 0;
  let most = 0;
  const results = await mapConcurrent([30, 1, 20, 2, 10], 2, async (ms) => {
    running += 1;
    most = Math.max(most, running);
    await pause(ms);
    running -= 1;
    return ms * 2;
  });
  assert.deepEqual(results, [60, 2, 40, 4, 20]);
  assert.equal(most, 2);
});

test('after a failure nothing new begins and what runs is waited for', async () => {
  const begun: number[] = [];
  const ended: number[] = [];
  const outcome = mapConcurrent([1, 2, 3, 4], 2, async (item) => {
    begun.push(item);
    await pause(item === 1 ? 1 : 30);
    if (item === 1) throw new Error('thread broke');
    ended.push(item);
  });
  await assert.rejects(outcome, /thread broke/);
  assert.deepEqual(begun, [1, 2]);
  assert.deepEqual(ended, [2]);
});

test('nothing to do is done at once', async () => {
  assert.deepEqual(await mapConcurrent([], 4, async () => 1), []);
});
