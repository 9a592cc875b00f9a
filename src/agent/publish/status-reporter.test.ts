import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { ManualClock } from '#runtime/clock.ts';
import { StatusReporter } from './status-reporter.ts';

let clock: ManualClock;
let told: string[];
let reporter: StatusReporter;

beforeEach(() => {
  clock = new ManualClock();
  told = [];
  reporter = new StatusReporter({ notify: (text) => told.push(text), clock, intervalMs: 1000 });
});

test('the first status is told at once, the same one never again', () => {
  reporter.update('a');
  clock.advance(5000);
  reporter.update('a');
  clock.advance(5000);
  assert.deepEqual(told, ['STATUS=a']);
});

test('of changes within the interval only the last one is told, at its end', () => {
  for (const status of ['a', 'b', 'c']) reporter.update(status);
  clock.advance(999);
  reporter.update('d');
  assert.deepEqual(told, ['STATUS=a']);
  clock.advance(1);
  assert.deepEqual(told, ['STATUS=a', 'STATUS=d']);
});

test('a change that is taken back within the interval is not told', () => {
  for (const status of ['a', 'b', 'a']) reporter.update(status);
  clock.advance(5000);
  assert.deepEqual(told, ['STATUS=a']);
});

test('readiness does not wait', () => {
  reporter.update('a');
  reporter.update('b');
  reporter.ready('c');
  clock.advance(5000);
  assert.deepEqual(told, ['STATUS=a', 'READY=1\nSTATUS=c']);
});

test('after the end nothing is told', () => {
  reporter.update('a');
  reporter.update('b');
  reporter.stop();
  reporter.update('c');
  clock.advance(5000);
  assert.deepEqual(told, ['STATUS=a']);
});
