import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { GROUPS, parseSelection, selectFiles } from './test-groups.ts';

const root = join(import.meta.dirname, '..');

test('a group and parts of file names can be chosen', () => {
  assert.deepEqual(parseSelection([]), { parts: [] });
  assert.deepEqual(parseSelection(['--only', 'etcd', 'watch']), { only: 'etcd', parts: ['watch'] });
  assert.deepEqual(parseSelection(['lease', '--only=unit']), { only: 'unit', parts: ['lease'] });
});

test('what is no group and no flag is refused', () => {
  assert.throws(
    () => parseSelection(['--only', 'units']),
    /--only wants one of unit, sim, kernel, etcd, cluster, machines, got units/,
  );
  assert.throws(() => parseSelection(['--only']), /got nothing/);
  assert.throws(() => parseSelection(['--watch']), /unknown flag --watch/);
});

test('every test file is in one group', () => {
  const groups = new Map(GROUPS.flatMap((only) => [...selectFiles(root, { only, parts: [] })]));
  assert(groups.get('unit')?.includes('tools/test-groups.test.ts'));
  assert(groups.get('unit')?.includes('test/architecture.test.ts'));
  const all = [...groups.values()].flat();
  assert.equal(new Set(all).size, all.length);
});

test('machines are run when they are asked for', () => {
  assert.equal(selectFiles(root, { parts: [] }).has('machines'), false);
  const files = selectFiles(root, { only: 'machines', parts: [] }).get('machines');
  assert(files?.includes('test/machines/boot-order.test.ts'));
  assert.deepEqual(selectFiles(root, { parts: ['boot-order'] }).get('machines'), ['test/machines/boot-order.test.ts']);
});

test('a part of a name chooses files; of other groups nothing is run', () => {
  const groups = selectFiles(root, { only: 'unit', parts: ['test-groups'] });
  assert.deepEqual([...groups], [['unit', ['tools/test-groups.test.ts']]]);
});
