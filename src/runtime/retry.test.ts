import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock } from './clock.ts';
import { retry } from './retry.ts';

/** Time that passes at once, and remembers how much. */
function recordingClock(): Clock & { readonly pauses: number[] } {
  const pauses: number[] = [];
  return {
    pauses,
    now: () => 0,
    after(delayMs, wake) {
      pauses.push(delayMs);
      queueMicrotask(wake);
      return () => {};
    },
  };
}

test('the first success ends it', async () => {
  const clock = recordingClock();
  const work = async (attempt: number): Promise<string> => {
    if (attempt < 3) throw new Error(`attempt ${attempt}`);
    return 'done';
  };
  assert.equal(await retry(work, { attempts: 5, firstPauseMs: 10, longestPauseMs: 100, clock }), 'done');
  assert.equal(clock.pauses.length, 2);
});

test('when the attempts are used up the last error is thrown', async () => {
  const clock = recordingClock();
  const work = async (attempt: number): Promise<never> => {
    throw new Error(`attempt ${attempt}`);
  };
  await assert.rejects(retry(work, { attempts: 3, firstPauseMs: 1, longestPauseMs: 1, clock }), /attempt 3/);
  assert.equal(clock.pauses.length, 2);
});

test('an error that another attempt cannot help is thrown at once', async () => {
  const clock = recordingClock();
  const options = { attempts: 3, firstPauseMs: 1, longestPauseMs: 1, clock, worthwhile: () => false };
  await assert.rejects(
    retry(() => Promise.reject(new Error('wrong password')), options),
    /wrong password/,
  );
  assert.deepEqual(clock.pauses, []);
});

test('pauses double up to the longest, and chance takes at most half of each', async () => {
  for (const [random, pauses] of [
    [0, [5, 10, 15, 15]],
    [1, [10, 20, 30, 30]],
  ] as const) {
    const clock = recordingClock();
    const options = { attempts: 5, firstPauseMs: 10, longestPauseMs: 30, clock, random: () => random };
    await assert.rejects(retry(() => Promise.reject(new Error('no')), options));
    assert.deepEqual(clock.pauses, pauses);
  }
});
