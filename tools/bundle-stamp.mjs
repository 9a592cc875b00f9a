// What the bundle in dist/ was made from: a hash over sources, lock file and native part. Equal stamps: nothing to build.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Hash over everything that goes into the bundle, 64 hex digits.
 * @param {string} root the checkout
 */
export function bundleStamp(root) {
  const hash = createHash('sha256');
  for (const file of bundleInputs(root)) {
    const content = readIfThere(join(root, file));
    hash.update(`${file}\0${content === undefined ? 'absent' : content.length}\0`).update(content ?? '');
  }
  return hash.digest('hex');
}

/**
 * Paths below root, sorted: the TypeScript sources without tests, the lock file, the builder, the addon, and git's HEAD,
 * because the commit is in the bundle.
 * @param {string} root
 * @returns {string[]}
 */
function bundleInputs(root) {
  const sources = ['bin', 'src']
    .flatMap((folder) => filesBelow(root, folder))
    .filter((file) => !file.endsWith('.test.ts'));
  const head =
    readIfThere(join(root, '.git/HEAD'))
      ?.toString('utf8')
      .trim()
      .replace(/^ref: /, '') ?? '';
  return [
    ...sources,
    'package-lock.json',
    'tools/build.ts',
    'native/build/weft.node',
    'native/build/cni-weft',
    'native/fast-path.bpf.o',
    '.git/HEAD',
    `.git/${head}`,
  ].sort();
}

/**
 * @param {string} root
 * @param {string} folder
 * @returns {string[]}
 */
function filesBelow(root, folder) {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    return entry.isDirectory() ? filesBelow(root, path) : [path];
  });
}

/** @param {string} path */
function readIfThere(path) {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}
