import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { leaseOf } from '#agent/leases/lease-builders.ts';
import { openAgentCache } from '#agent/open-agent-cache.ts';
import type { AgentCache } from './agent-cache.ts';
import { DiskCache } from './disk-cache.ts';

const CACHE: AgentCache = {
  machine: '02:00:00:00:00:0b',
  document: '{"Network":"172.30.0.0/16"}',
  revision: 130,
  own: leaseOf('172.30.71.0-24', '10.77.0.11'),
  peers: [leaseOf('172.30.9.0-24', '10.77.0.12')],
};

function folder(context: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'weft-cache-'));
  context.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function diskCache(path: string): DiskCache {
  return new DiskCache({ path, store: () => ({ prefix: '/kubernetes/network', api: 'v3' }) });
}

test('a new file has mode 0600 in a new folder of mode 0700, whatever the umask, and is read back', async (context) => {
  const path = join(folder(context), 'weft/agent-cache.json');
  const umask = process.umask(0);
  try {
    await diskCache(path).write(CACHE);
  } finally {
    process.umask(umask);
  }
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(statSync(join(path, '..')).mode & 0o777, 0o700);
  assert.deepEqual(await diskCache(path).read(), CACHE);
});

test('a file is replaced whole, whatever a crash has left beside it', async (context) => {
  const path = join(folder(context), 'agent-cache.json');
  await diskCache(path).write(CACHE);
  writeFileSync(join(path, '../.agent-cache.json.new'), 'half of');
  await diskCache(path).write({ ...CACHE, revision: 131 });
  assert.equal((await diskCache(path).read())?.revision, 131);
  assert.deepEqual(readdirSync(join(path, '..')), ['agent-cache.json']);
});

test('no file is no cache, and is found out without loading anything', async (context) => {
  const path = join(folder(context), 'agent-cache.json');
  assert.equal(await diskCache(path).read(), undefined);
  const cache = openAgentCache({ path, store: () => ({ prefix: '/kubernetes/network', api: 'v3' }) });
  assert.equal(await cache.read(), undefined);
  await cache.write(CACHE);
  assert.deepEqual(await cache.read(), CACHE);
});

for (const [what, spoil, why] of [
  ['others may read', (path: string) => chmodSync(path, 0o640), /its mode is 0640, not 0600/],
  ['others may write', (path: string) => chmodSync(path, 0o602), /its mode is 0602, not 0600/],
] as const) {
  test(`a file that ${what} is not trusted`, async (context) => {
    const path = join(folder(context), 'agent-cache.json');
    await diskCache(path).write(CACHE);
    spoil(path);
    await assert.rejects(diskCache(path).read(), (fault: Error) => {
      assert.equal(Reflect.get(fault, 'code'), 'cache.rights');
      assert.match(String(fault), why);
      return true;
    });
  });
}

test('a symbolic link, a folder and a pipe are not trusted', async (context) => {
  const directory = folder(context);
  await diskCache(join(directory, 'real')).write(CACHE);
  symlinkSync('real', join(directory, 'link'));
  mkdirSync(join(directory, 'folder'), { mode: 0o700 });
  execFileSync('mkfifo', ['-m', '600', join(directory, 'pipe')]);
  for (const name of ['link', 'folder', 'pipe']) {
    await assert.rejects(diskCache(join(directory, name)).read(), { code: 'cache.rights' }, name);
  }
});

test('a file of any size is not read whole', async (context) => {
  const path = join(folder(context), 'agent-cache.json');
  await diskCache(path).write(CACHE);
  truncateSync(path, 65 * 1024 * 1024);
  await assert.rejects(diskCache(path).read(), { code: 'cache.damaged' });
});

test('a path below a file can be neither read nor written', async (context) => {
  const path = join(folder(context), 'agent-cache.json');
  await diskCache(path).write(CACHE);
  await assert.rejects(diskCache(join(path, 'below')).read(), { code: 'cache.damaged' });
  await assert.rejects(diskCache(join(path, 'below')).write(CACHE), { code: 'cache.write' });
});
