/**
 * Bundles the program into dist/. The agent is one CommonJS file: against one ES module it starts with 4 ms less work and
 * 6 MB less memory (docs/decisions/0008-bundle.md). The operator's command is split, so that each command loads its own part.
 */
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { type BuildOptions, build, type OutputFile, type Plugin } from 'esbuild';
import { bundleStamp } from './bundle-stamp.mjs';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');
/** A running program may still load a chunk of the build before: those go when nobody can want them any more. */
const STALE_CHUNK_MS = 3_600_000;

const stamp = bundleStamp(root);

const common: BuildOptions = {
  absWorkingDir: root,
  outdir: dist,
  bundle: true,
  platform: 'node',
  target: 'node24',
  minifySyntax: true,
  legalComments: 'none',
  define: { WEFT_COMMIT: JSON.stringify(commit()) },
  write: false,
  logLevel: 'warning',
};
/** The faces are bundles of their own, which the entry loads when it knows which one is wanted. */
const faces: Plugin = {
  name: 'faces',
  setup({ onResolve }) {
    onResolve({ filter: /^#agent\/main\.ts$/ }, () => ({ path: './agent.js', external: true }));
    onResolve({ filter: /^\.\/operator\.ts$/ }, () => ({ path: './operator.mjs', external: true }));
  },
};
const entry: BuildOptions = {
  ...common,
  entryPoints: { weft: 'bin/weft.ts' },
  format: 'cjs',
  plugins: [faces],
  // `require` for the faces: `import()` would start the loader of ES modules.
  supported: { 'dynamic-import': false },
};
/**
 * What the agent loads only when it is wanted (traffic rules after READY, other stores, engines) are bundles of their own:
 * one file with all of it starts 10 ms later.
 */
const parts = new Map<string, string>();
const apart = (directory: string): Plugin => ({
  name: 'apart',
  setup({ onResolve, resolve }) {
    onResolve({ filter: /^(#|\.\/)/ }, async ({ path, kind, resolveDir, pluginData }) => {
      if (kind !== 'dynamic-import' || pluginData === 'resolving') return undefined;
      const found = await resolve(path, { kind, resolveDir, pluginData: 'resolving' });
      // Named by what was built, so that an agent that runs never loads a part of another build.
      const name = `agent-${stamp.slice(0, 8)}-${relative(join(root, 'src'), found.path).replaceAll('/', '-').replace(/\.ts$/, '')}`;
      parts.set(name, found.path);
      return { path: `${directory}/${name}.js`, external: true };
    });
  },
});

const agent: BuildOptions = {
  ...common,
  entryPoints: { agent: 'src/agent/main.ts' },
  format: 'cjs',
  define: { ...common.define, 'import.meta.dirname': '__dirname', 'import.meta.url': 'weftModuleUrl' },
  plugins: [apart('./chunks')],
  supported: { 'dynamic-import': false },
  banner: { js: "const weftModuleUrl = require('node:url').pathToFileURL(__filename).href;" },
};
const operator: BuildOptions = {
  ...common,
  entryPoints: { operator: 'bin/operator.ts' },
  format: 'esm',
  splitting: true,
  outExtension: { '.js': '.mjs' },
  chunkNames: 'chunks/[name]-[hash]',
  // A bundled CommonJS dependency may call require, which ES modules do not have.
  banner: {
    js: "import { createRequire as weftCreateRequire } from 'node:module'; const require = weftCreateRequire(import.meta.url);",
  },
};

/** CNI plugins: one file each, since a Pod waits for it to be read. */
const plugins: BuildOptions = {
  ...common,
  entryPoints: { 'cni-flannel': 'bin/cni-flannel.ts' },
  format: 'cjs',
  minifyWhitespace: true,
};

const files = [...(await bundleAgent()), ...(await bundleAll([operator, plugins, entry]))];
mkdirSync(join(dist, 'chunks'), { recursive: true });
// The entry comes last: it must never name a file that is not there yet.
for (const file of files) replaceFile(file.path, file.contents);
for (const name of ['weft.node', 'cni-weft']) {
  const built = join(root, 'native/build', name);
  if (!existsSync(built)) continue;
  copyFileSync(built, join(dist, `.${name}.${process.pid}`));
  renameSync(join(dist, `.${name}.${process.pid}`), join(dist, name));
}
replaceFile(join(dist, 'fast-path.bpf.o'), readFileSync(join(root, 'native/fast-path.bpf.o')));
// dist runs on hosts that have no package.json of ours above it.
replaceFile(join(dist, 'package.json'), '{ "type": "commonjs" }\n');
removeStaleChunks(new Set(files.map((file) => file.path)));
replaceFile(join(dist, '.stamp'), stamp);
if (!process.argv.includes('--quiet')) {
  for (const file of files)
    console.log(`${String(Math.ceil(file.contents.length / 1024)).padStart(6)} KiB  ${relative(root, file.path)}`);
}

/** The agent and, again and again, the parts that were found on the way. */
async function bundleAgent(): Promise<readonly OutputFile[]> {
  const files = [...(await bundleAll([agent]))];
  const done = new Set<string>();
  for (;;) {
    const next = [...parts].filter(([name]) => !done.has(name));
    if (next.length === 0) return files;
    for (const [name] of next) done.add(name);
    const entryPoints = Object.fromEntries(next.map(([name, path]) => [`chunks/${name}`, path]));
    files.push(...(await bundleAll([{ ...agent, entryPoints, plugins: [apart('.')] }])));
  }
}

async function bundleAll(options: readonly BuildOptions[]): Promise<readonly OutputFile[]> {
  try {
    const results = await Promise.all(options.map((each) => build(each)));
    return results.flatMap((result) => result.outputFiles ?? []);
  } catch {
    // esbuild has said what and where.
    process.exit(1);
  }
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
    return execFileSync('git', ['describe', '--always', '--dirty', '--abbrev=12'], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return 'unknown';
  }
}
