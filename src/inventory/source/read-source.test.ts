import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatPath, placeOf } from './node.ts';
import { readSource } from './read-source.ts';

function problems(text: string): readonly string[] {
  return readSource(text).problems.map(({ place, what }) => `${place.line}:${place.column} ${what}`);
}

test('every value knows where it stands, and what is not written stands where the nearest part above it does', () => {
  const { root } = readSource('hosts:\n  - name: a\n    roles:\n      - etcd\n');
  assert(root);
  assert.deepEqual(placeOf(root, ['hosts', 0, 'name']), { line: 2, column: 5 });
  assert.deepEqual(placeOf(root, ['hosts', 0, 'roles', 0]), { line: 4, column: 9 });
  assert.deepEqual(placeOf(root, ['hosts', 0, 'ssh', 'port']), { line: 2, column: 5 });
  assert.deepEqual(placeOf(root, ['hosts', 7]), { line: 1, column: 1 });
  assert.equal(formatPath(['hosts', 0, 'roles', 1]), 'hosts[0].roles[1]');
});

test('a key that is there twice is named with both lines', () => {
  assert.deepEqual(problems('a: 1\nb: 2\na: 3\n'), ['3:1 "a" is there already, in line 1']);
});

test('all that YAML finds wrong is said, with its place', () => {
  assert.deepEqual(problems('a: "\\q"\nb: @x\n'), [
    '1:5 Invalid escape sequence \\q',
    '2:4 Plain value cannot start with reserved character @',
  ]);
  assert.match(problems('a: !odd 1\n').join(), /^1:4 Unresolved tag: !odd$/);
});

test('a second document, an unknown anchor and a key that is a list are refused', () => {
  assert.match(problems('a: 1\n---\nb: 2\n').join(), /one document only/);
  assert.match(problems('a: *nowhere\n').join(), /^1:4 there is no anchor &nowhere before this$/);
  assert.match(problems('? [1]\n: 2\n').join(), /a key must be a word/);
});

test('an anchor stands for its value, at the place where it is used', () => {
  const { root, problems: none } = readSource('a: &x [1, 2]\nb: *x\n');
  assert.deepEqual(none, []);
  assert(root?.kind === 'map');
  assert.deepEqual(root.entries[1]?.value.place, { line: 2, column: 4 });
});

test('texts that grow beyond all bounds are refused: by length, by depth, by anchors of anchors', () => {
  assert.match(problems('x'.repeat(4_000_001)).join(), /characters are too many/);
  assert.match(problems(`${'['.repeat(100)}${']'.repeat(100)}`).join(), /nested more than 24 levels/);
  const laughs = Array.from({ length: 12 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(9).fill(`*a${i}`).join(', ')}]`);
  assert.match(problems(`a0: &a0 [1]\n${laughs.join('\n')}\n`).join(), /more than 200000 values/);
  const circle = problems('a: &a [*a]\n');
  assert.match(circle.join(), /levels deep|no anchor/);
});

test('a byte order mark is no part of the text', () => {
  assert.deepEqual(problems('\ufeffa: 1\n'), []);
});
