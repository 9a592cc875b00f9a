import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock, systemClock } from './clock.ts';

test('a manual clock fires what falls due in order of time, and no more', () => {
  const clock = new ManualClock(1000);
  const fired: string[] = [];
  clock.after(30, () => fired.push(`late at ${clock.now()}`));
  clock.after(10, () => fired.push(`early at ${clock.now()}`));
  clock.after(50, () => fired.push('never'));
  clock.advance(40);
  assert.deepEqual(fired, ['early at 1010', 'late at 1030']);
  assert.equal(clock.now(), 1040);
});

test('a timer that a timer sets is fired in the same advance if it falls due', () => {
  const clock = new ManualClock();
  const fired: number[] = [];
  const tick = (): void => {
    fired.push(clock.now());
    clock.after(10, tick);
  };
  clock.after(10, tick);
  clock.advance(35);
  assert.deepEqual(fired, [10, 20, 30]);
});

test('a cancelled timer does not fire', () => {
  const clock = new ManualClock();
  const cancel = clock.after(10, () => assert.fail('it fired'));
  cancel();
  clock.advance(20);
});

test('the system clock wakes, and does not when cancelled', async () => {
  const cancel = systemClock.after(1, () => assert.fail('it fired'));
  cancel();
  await new Promise<void>((resolve) => systemClock.after(5, resolve));
});

test('a delay longer than a timer can hold does not fire at once', async () => {
  let fired = false;
  const cancel = systemClock.after(2 ** 40, () => {
    fired = true;
  });
  await new Promise<void>((resolve) => systemClock.after(5, resolve));
  cancel();
  assert.equal(fired, false);
});
