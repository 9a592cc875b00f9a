import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { bundleStamp } from './bundle-stamp.mjs';

function write(root: string, path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

function checkout(t: TestContext): string {
  const root = mkdtempSync(join(tmpdir(), 'weft-stamp-'));
  t.after(() => rmSync(root, { recursive: true }));
  write(root, 'bin/weft.ts', 'a');
  write(root, 'src/model/lease.ts', 'b');
  write(root, 'package-lock.json', '{}');
  write(root, '.git/HEAD', 'ref: refs/heads/main\n');
  write(root, '.git/refs/heads/main', '1111\n');
  return root;
}

test('the same sources have the same stamp', (t) => {
  const root = checkout(t);
  assert.equal(bundleStamp(root), bundleStamp(root));
});

test('tests are no part of the bundle', (t) => {
  const root = checkout(t);
  const before = bundleStamp(root);
  write(root, 'src/model/lease.test.ts', 'c');
  assert.equal(bundleStamp(root), before);
});

for (const [path, text] of [
  ['src/model/lease.ts', 'B'],
  ['src/model/new.ts', ''],
  ['package-lock.json', '{"a":1}'],
  ['native/build/weft.node', 'ELF'],
  ['tools/build.ts', 'other'],
  ['.git/refs/heads/main', '2222\n'],
] as const) {
  test(`a change of ${path} changes the stamp`, (t) => {
    const root = checkout(t);
    const before = bundleStamp(root);
    write(root, path, text);
    assert.notEqual(bundleStamp(root), before);
  });
}
