import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { isDebianLike, missingPackages, npmTreeIsCurrent, pinnedNodeVersion, servicesOf } from './setup-plan.mjs';

const lockText = readFileSync(join(import.meta.dirname, '../package-lock.json'), 'utf8');

test('a package is missing when any of its programs is', () => {
  const names = (there: (probe: string) => boolean): string[] => missingPackages(there).map((entry) => entry.name);
  assert.deepEqual(
    names(() => true),
    [],
  );
  assert.deepEqual(
    names((probe) => probe !== 'bridge'),
    ['iproute2'],
  );
  assert.deepEqual(
    names((probe) => probe !== '/usr/include/stdio.h'),
    ['libc6-dev'],
  );
  assert.equal(names(() => false).length, 20);
});

test('the services that would start with the missing packages are known', () => {
  const services = (absent: string) => servicesOf(missingPackages((probe) => probe !== absent));
  assert.deepEqual(services('dockerd'), ['docker.socket', 'docker.service', 'containerd.service']);
  assert.deepEqual(services('etcd'), ['etcd.service']);
  assert.deepEqual(services('bridge'), []);
});

suite('the system', () => {
  for (const [osRelease, known] of [
    ['PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian GNU/Linux"\nID=debian\n', true],
    ['ID=ubuntu\nID_LIKE=debian\n', true],
    ['ID=linuxmint\nID_LIKE="ubuntu debian"\n', true],
    ['ID="fedora"\n', false],
    ['NAME=debian\nID=alpine\n', false],
    ['', false],
  ] as const) {
    test(`${JSON.stringify(osRelease)} ${known ? 'has' : 'has not'} Debian's packages`, () => {
      assert.equal(isDebianLike(osRelease), known);
    });
  }
});

suite("npm's tree", () => {
  const entry = { version: '1.0.0', integrity: 'sha512-a' };
  const tree = (packages: object): string => JSON.stringify({ packages });
  const locked = tree({ '': {}, 'node_modules/a': entry, 'node_modules/b-win32': { ...entry, optional: true } });

  test('is current when everything is there but what is for other platforms', () => {
    assert.equal(npmTreeIsCurrent(locked, tree({ 'node_modules/a': entry })), true);
  });

  for (const [what, packages] of [
    ['a package is missing', {}],
    ['a version differs', { 'node_modules/a': { ...entry, version: '1.0.1' } }],
    ['a checksum differs', { 'node_modules/a': { ...entry, integrity: 'sha512-b' } }],
    [
      'an optional one is there in another version',
      { 'node_modules/a': entry, 'node_modules/b-win32': { version: '2.0.0' } },
    ],
  ] as const) {
    test(`is not current when ${what}`, () => {
      assert.equal(npmTreeIsCurrent(locked, tree(packages)), false);
    });
  }
});

test('the pinned Node is the one that runs this test', () => {
  assert.equal(`v${pinnedNodeVersion(lockText)}`, process.version);
});

test('the lock file has an entry for every optional dependency, or npm ci refuses it', () => {
  const { packages } = JSON.parse(lockText);
  const missing = Object.values<{ optionalDependencies?: object }>(packages).flatMap((entry) =>
    Object.keys(entry.optionalDependencies ?? {}).filter((name) => !(`node_modules/${name}` in packages)),
  );
  assert.deepEqual(missing, []);
});
