/** The cache on disks that are full, read-only or somebody else's: what only root can make. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chownSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { AgentCache } from '#agent/cache/agent-cache.ts';
import { DiskCache } from '#agent/cache/disk-cache.ts';
import { leaseOf } from '#agent/leases/lease-builders.ts';

const CACHE: AgentCache = {
  machine: '',
  document: '{"Network":"172.30.0.0/16"}',
  revision: 130,
  own: leaseOf('172.30.71.0-24', '10.77.0.11'),
  peers: [],
};
const PEERS = Array.from({ length: 1000 }, (_, index) =>
  leaseOf(`172.30.${index >> 2}.${(index & 3) * 64}-26`, '10.78.0.1'),
);

/** Runs the work on a disk of 64 KB of its own. */
async function onSmallDisk(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'weft-cache-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'weft-test', directory]);
  try {
    await work(directory);
  } finally {
    execFileSync('umount', [directory]);
    rmSync(directory, { recursive: true });
  }
}

function diskCache(directory: string): DiskCache {
  const store = (): { prefix: string; api: 'v3' } => ({ prefix: '/kubernetes/network', api: 'v3' });
  return new DiskCache({ path: join(directory, 'agent-cache.json'), store });
}

for (const [what, change, why] of [
  ['full', [], /no space left/],
  ['read-only', ['mount', '-o', 'remount,ro'], /read-only/],
] as const) {
  test(`a disk that is ${what} is a fault that says so, and the file before stays, alone`, () =>
    onSmallDisk(async (directory) => {
      const cache = diskCache(directory);
      await cache.write(CACHE);
      const [command, ...words] = change;
      if (command !== undefined) execFileSync(command, [...words, directory]);
      await assert.rejects(cache.write({ ...CACHE, peers: PEERS }), (fault: Error) => {
        assert.equal(Reflect.get(fault, 'code'), 'cache.write');
        assert.match(String(fault), why);
        return true;
      });
      assert.deepEqual(readdirSync(directory), ['agent-cache.json']);
      assert.deepEqual(await cache.read(), CACHE);
    }));
}

test('a file of another user is not trusted', () =>
  onSmallDisk(async (directory) => {
    const cache = diskCache(directory);
    await cache.write(CACHE);
    chownSync(join(directory, 'agent-cache.json'), 4242, 4242);
    await assert.rejects(cache.read(), (fault: Error) => {
      assert.equal(Reflect.get(fault, 'code'), 'cache.rights');
      assert.match(String(fault), /it belongs to the user 4242/);
      return true;
    });
  }));
