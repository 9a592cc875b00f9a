import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cgroupDirectories, cgroupProcesses, removeCgroup } from './cgroups.ts';

test('a cgroup that is not there has no directories and no processes, and nothing has to be removed', () => {
  const name = `weft-none-${process.pid}`;
  assert.deepEqual(cgroupDirectories(name), []);
  assert.deepEqual(cgroupProcesses(name), []);
  removeCgroup(name);
});
