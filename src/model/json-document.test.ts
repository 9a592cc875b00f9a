import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sameJson } from './json-document.ts';
import type { Json } from './lease.ts';

const VALUES: readonly Json[] = [
  null,
  0,
  1,
  '',
  'a',
  true,
  [],
  [1],
  [1, 2],
  {},
  { a: 1 },
  { a: 1, b: [null] },
  { b: 1 },
];

test('a value is the same as its copy, and as no other', () => {
  for (const [at, a] of VALUES.entries()) {
    for (const [other, b] of VALUES.entries()) assert.equal(sameJson(a, structuredClone(b)), at === other);
    assert.ok(!sameJson(a, undefined));
  }
  assert.ok(sameJson(undefined, undefined));
});

test('the order of members says nothing', () => {
  assert.ok(sameJson({ a: 1, b: 2 }, { b: 2, a: 1 }));
  assert.ok(!sameJson([1, 2], [2, 1]));
});
