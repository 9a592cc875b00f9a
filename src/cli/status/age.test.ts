import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatSpan } from './age.ts';

for (const [seconds, text] of [
  [-5, '0 s'],
  [0, '0 s'],
  [59.4, '59 s'],
  [59.6, '1 min'],
  [61, '1 min 1 s'],
  [3599, '59 min 59 s'],
  [3600, '1 h'],
  [7290, '2 h 1 min'],
  [86_400, '1 d'],
  [90_000, '1 d 1 h'],
] as const) {
  test(`${seconds} seconds are ${text}`, () => assert.equal(formatSpan(seconds), text));
}
