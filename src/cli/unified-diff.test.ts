import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { unifiedDiff } from './unified-diff.ts';

test('a new file, a removed one and an unchanged one', () => {
  assert.equal(
    unifiedDiff({ path: '/a', before: undefined, after: 'x\ny\n' }),
    '--- /dev/null\n+++ /a\n@@ -0,0 +1,2 @@\n+x\n+y\n',
  );
  assert.equal(
    unifiedDiff({ path: '/a', before: 'x\n', after: undefined }),
    '--- /a\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-x\n',
  );
  assert.equal(unifiedDiff({ path: '/a', before: 'x\n', after: 'x\n' }), '');
});

test('three lines around a change are shown, and changes far apart are two hunks', () => {
  const lines = Array.from({ length: 20 }, (_, index) => `${index}\n`);
  const after = lines.with(1, 'one\n').with(17, 'seventeen\n');
  const diff = unifiedDiff({ path: '/a', before: lines.join(''), after: after.join('') });
  assert.match(diff, /^@@ -1,5 \+1,5 @@\n 0\n-1\n\+one\n 2\n 3\n 4\n@@ -15,6 \+15,6 @@\n 14\n/m);
});

test('applied to the old text a diff gives the new one, whatever they are', () => {
  const text = fc.array(fc.constantFrom('a\n', 'b\n', '{\n', '\n'), { maxLength: 24 }).map((lines) => lines.join(''));
  fc.assert(
    fc.property(text, text, (before, after) => {
      const diff = unifiedDiff({ path: '/a', before, after });
      assert.equal(diff === '' ? before : applyDiff(before, diff), after);
    }),
  );
});

/** As patch does it, strictly: what the diff says is there has to be there, where it says. */
function applyDiff(before: string, diff: string): string {
  const old = before.split('\n').slice(0, -1);
  const made: string[] = [];
  let at = 0;
  for (const line of diff.split('\n').slice(2, -1)) {
    const [, start, length] = /^@@ -(\d+),(\d+) /.exec(line) ?? [];
    if (start !== undefined) {
      const from = Number(start) - (length === '0' ? 0 : 1);
      while (at < from) made.push(old[at++] ?? assert.fail('a hunk lies beyond the end'));
    } else if (line.startsWith('+')) made.push(line.slice(1));
    else {
      assert.equal(old[at], line.slice(1));
      if (line.startsWith(' ')) made.push(line.slice(1));
      at += 1;
    }
  }
  return [...made, ...old.slice(at)].map((line) => `${line}\n`).join('');
}
