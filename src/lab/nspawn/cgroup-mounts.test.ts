import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemdHierarchies } from './cgroup-mounts.ts';

const UNIFIED = '28 23 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate';

test('a computer with version 2 alone has one hierarchy', () => {
  assert.deepEqual(systemdHierarchies(`${UNIFIED}\n`), ['/sys/fs/cgroup']);
});

test('a computer with both has the unified one and the one named systemd, and controllers do not count', () => {
  const text = [
    '30 29 0:27 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu',
    '31 29 0:28 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd',
    '32 29 0:29 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw',
    '33 29 0:30 / /mnt/my\\040cgroup2 rw - ext4 /dev/vda rw',
  ].join('\n');
  assert.deepEqual(systemdHierarchies(text), ['/sys/fs/cgroup/systemd', '/sys/fs/cgroup/unified']);
});

test('one that is mounted twice counts once', () => {
  assert.deepEqual(systemdHierarchies(`${UNIFIED}\n${UNIFIED}\n`), ['/sys/fs/cgroup']);
});
