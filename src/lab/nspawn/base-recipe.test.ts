import assert from 'node:assert/strict';
import { test } from 'node:test';
import { baseName, baseRecipe, mmdebstrapArgv, PACKAGE_NAME } from './base-recipe.ts';

const BOOKWORM = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_CODENAME=bookworm\nID=debian\n';
const SOURCES = ['/etc/apt/sources.list.d/debian.sources'];

test('the base is of the release of this computer, from the archives that its apt knows', () => {
  const argv = mmdebstrapArgv(baseRecipe(BOOKWORM.replaceAll('bookworm', 'trixie'), SOURCES, []), '/base');
  assert.deepEqual(argv.slice(-3), ['trixie', '/base', '/etc/apt/sources.list.d/debian.sources']);
});

test('a computer that does not name its release gets bookworm', () => {
  assert.equal(baseRecipe('ID=other\n', SOURCES, []).suite, 'bookworm');
});

test('further packages are in it once, and in whatever order they are named it is the same base', () => {
  const one = baseRecipe(BOOKWORM, SOURCES, ['etcd-server', 'docker.io', 'dbus']);
  assert.equal(one.packages.filter((name) => name === 'dbus').length, 1);
  assert.equal(baseName(one), baseName(baseRecipe(BOOKWORM, SOURCES, ['docker.io', 'dbus', 'etcd-server'])));
});

test('another recipe is another base', () => {
  const names = [
    baseRecipe(BOOKWORM, SOURCES, []),
    baseRecipe(BOOKWORM, SOURCES, ['docker.io']),
    baseRecipe(BOOKWORM, [], []),
    baseRecipe('VERSION_CODENAME=trixie\n', SOURCES, []),
  ].map(baseName);
  assert.equal(new Set(names).size, names.length);
});

test('what is no name of a package is told from one', () => {
  for (const name of ['docker.io', 'g++', 'etcd-server', 'libc6']) assert.match(name, PACKAGE_NAME);
  for (const name of ['', '-o', 'a b', 'A', 'x', './x.deb', 'a,b', 'x;y']) assert.doesNotMatch(name, PACKAGE_NAME);
});
