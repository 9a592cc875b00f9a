import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readHostMark } from './read-host-mark.ts';

const ID = '0123456789abcdef0123456789abcdef';

test('a machine with an id has a mark, the same each time, and another id another one', (context) => {
  const directory = mkdtempSync(join(tmpdir(), 'weft-mark-'));
  context.after(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'machine-id');
  writeFileSync(file, `${ID}\n`);
  const mark = readHostMark(file);
  assert.ok(mark !== undefined);
  assert.deepEqual(readHostMark(file), mark);
  writeFileSync(file, `${ID.replaceAll('0', '1')}\n`);
  const other = readHostMark(file);
  assert.notEqual(other?.machine, mark.machine);
  assert.equal(other?.boot, mark.boot);
});

test('a machine without an id, or with none yet, has no mark', (context) => {
  const directory = mkdtempSync(join(tmpdir(), 'weft-mark-'));
  context.after(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'machine-id');
  assert.equal(readHostMark(''), undefined);
  assert.equal(readHostMark(file), undefined);
  for (const text of ['', 'uninitialized\n', `${ID}0\n`]) {
    writeFileSync(file, text);
    assert.equal(readHostMark(file), undefined, text);
  }
});
