/**
 * Bundles the program into dist/: ES modules split by face, so that the agent loads no line of the operator's command.
 * Says the sizes unless --quiet.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { build } from 'esbuild';
import { bundleStamp } from './bundle-stamp.mjs';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');
/** A running program may still load a chunk of the build before: those go when nobody can want them any more. */
const STALE_CHUNK_MS = 3_600_000;

const stamp = bundleStamp(root);
const result = await build({
  absWorkingDir: root,
  entryPoints: { weft: 'bin/weft.ts' },
  outdir: dist,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  minifySyntax: true,
  chunkNames: 'chunks/[name]-[hash]',
  define: { WEFT_COMMIT: JSON.stringify(commit()) },
  // A bundled CommonJS dependency may call require, which ES modules do not have.
  banner: { js: "import { createRequire as weftCreateRequire } from 'node:module'; const require = weftCreateRequire(import.meta.url);" },
  legalComments: 'none',
  write: false,
  logLevel: 'warning',
}).catch(() => {
  // esbuild has said what and where.
  process.exit(1);
});
mkdirSync(join(dist, 'chunks'), { recursive: true });
// The entry comes last: it must never name a chunk that is not there yet.
const files = result.outputFiles.toSorted((a, b) => Number(a.path.endsWith('/weft.js')) - Number(b.path.endsWith('/weft.js')));
for (const file of files) replaceFile(file.path, file.contents);
const addon = join(root, 'native/build/weft.node');
if (existsSync(addon)) {
  copyFileSync(addon, join(dist, `.weft.node.${process.pid}`));
  renameSync(join(dist, `.weft.node.${process.pid}`), join(dist, 'weft.node'));
}
// dist runs on hosts that have no package.json of ours above it.
replaceFile(join(dist, 'package.json'), '{ "type": "module" }\n');
removeStaleChunks(new Set(files.map((file) => file.path)));
replaceFile(join(dist, '.stamp'), stamp);
if (!process.argv.includes('--quiet')) {
  for (const file of files) console.log(`${String(Math.ceil(file.contents.length / 1024)).padStart(6)} KiB  ${relative(root, file.path)}`);
}

/** By rename, so that a program that starts meanwhile reads the old file or the new one. */
function replaceFile(path: string, content: string | Uint8Array): void {
  writeFileSync(`${path}.${process.pid}`, content);
  renameSync(`${path}.${process.pid}`, path);
}

function removeStaleChunks(current: ReadonlySet<string>): void {
  for (const name of readdirSync(join(dist, 'chunks'))) {
    const path = join(dist, 'chunks', name);
    if (!current.has(path) && Date.now() - statSync(path).mtimeMs > STALE_CHUNK_MS) rmSync(path);
  }
}

function commit(): string {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty', '--abbrev=12'], { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return 'unknown';
  }
}
