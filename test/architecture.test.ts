/**
 * Who may import whom: the table of ARCHITECTURE.md, held against the sources. A folder takes the first row whose pattern
 * is a prefix of its files' paths. `types` may only be imported as types: such a file depends on shapes, not on code.
 */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

interface Row {
  /** Prefix of paths below src/. */
  readonly who: string;
  /** Prefixes of what it may import beside itself. */
  readonly may: readonly string[];
  readonly types?: readonly string[];
}

const AGENT_CORE = [
  'model/',
  'runtime/',
  'agent/backends/',
  'agent/config/',
  'agent/kernel/',
  'agent/leases/',
  'agent/publish/',
  // Values only: prefixes and what is desired.
  'firewall/prefix.ts',
];

const TABLE: readonly Row[] = [
  { who: 'model/', may: [] },
  { who: 'runtime/', may: [] },
  { who: 'tls/', may: ['runtime/'] },
  { who: 'etcd/', may: ['runtime/', 'tls/'] },
  { who: 'kube/', may: ['runtime/', 'tls/'] },
  { who: 'netlink/', may: ['model/', 'runtime/'] },
  { who: 'bpf/', may: ['runtime/', 'netlink/'] },
  { who: 'firewall/', may: ['model/', 'runtime/', 'netlink/'] },
  { who: 'wireguard/', may: ['model/', 'runtime/', 'netlink/'] },
  { who: 'tun/', may: ['model/', 'runtime/', 'netlink/'] },
  { who: 'hosts/', may: ['runtime/'] },
  { who: 'pki/', may: ['runtime/'] },
  // Pure: what they decide is tested without a kernel.
  { who: 'agent/backends/', may: ['model/'], types: ['agent/kernel/'] },
  // The other half of backends that have an engine: effects, behind backends/engine.ts.
  { who: 'agent/engines/', may: ['model/', 'runtime/', 'tun/', 'wireguard/'], types: ['agent/backends/'] },
  // An addition to the kernel's tables, with a seam of its own (path-kernel.ts).
  {
    who: 'agent/fast-path/',
    may: ['model/', 'runtime/', 'netlink/', 'bpf/', 'firewall/'],
    types: ['agent/publish/', 'agent/reconcile/'],
  },
  { who: 'agent/kernel/state.ts', may: ['model/'] },
  { who: 'agent/kernel/diff', may: ['model/', 'agent/kernel/'] },
  { who: 'agent/kernel/', may: ['model/', 'runtime/', 'netlink/'] },
  { who: 'agent/cache/', may: ['model/', 'runtime/'] },
  { who: 'agent/reconcile/', may: AGENT_CORE, types: ['agent/cache/', 'firewall/desired.ts', 'firewall/outcome.ts'] },
  { who: 'agent/leases/', may: ['model/', 'runtime/', 'etcd/', 'kube/'] },
  { who: 'agent/config/', may: ['model/', 'runtime/'], types: ['agent/backends/', 'agent/kernel/', 'agent/leases/'] },
  {
    who: 'agent/publish/',
    may: ['model/', 'runtime/', 'netlink/', 'firewall/prefix.ts'],
    types: ['firewall/desired.ts'],
  },
  // What both ends of the control socket speak; the operator's command and the lab take no more of the agent.
  { who: 'agent/control/', may: ['model/', 'runtime/', 'agent/publish/'] },
  { who: 'agent/', may: ['model/', 'runtime/', 'etcd/', 'netlink/', 'firewall/', 'cni/weft/'] },
  {
    who: 'cli/',
    may: ['model/', 'runtime/', 'etcd/', 'agent/leases/', 'agent/backends/', 'agent/control/'],
    types: ['agent/publish/'],
  },
  { who: 'certs/', may: ['model/', 'runtime/', 'pki/', 'cli/'] },
  // Plugins start once per Pod, so they load next to nothing.
  { who: 'cni/protocol/', may: ['model/'] },
  { who: 'cni/flannel/', may: ['model/', 'runtime/version.ts', 'cni/protocol/', 'agent/control/'] },
  // The agent's part of the plugin `weft`, loaded by it at the first request.
  {
    who: 'cni/weft/',
    may: ['model/', 'runtime/', 'netlink/', 'cni/protocol/', 'cni/flannel/subnet-env.ts'],
  },
  { who: 'cni/', may: ['model/', 'runtime/', 'hosts/', 'cli/', 'agent/control/'] },
  { who: 'docker/', may: ['model/', 'runtime/', 'netlink/', 'hosts/', 'cli/'] },
  // Pure but for `weft init`: a text in, a value or all that is wrong with it out.
  { who: 'inventory/', may: ['model/', 'runtime/', 'cli/'] },
  {
    who: 'lab/',
    may: ['model/', 'runtime/', 'etcd/', 'netlink/', 'pki/', 'hosts/', 'cli/', 'docker/', 'agent/control/'],
    types: ['agent/publish/'],
  },
];

interface Import {
  /** Below src/. */
  readonly from: string;
  readonly target: string;
  readonly typeOnly: boolean;
}

const root = join(import.meta.dirname, '..');
const files = globSync('{src,bin,tools,test,bench,chaos}/**/*.{ts,mjs}', { cwd: root }).sort();
const sources = files
  .filter((file) => file.startsWith('src/') && !isTestCode(file))
  .map((file) => file.slice('src/'.length));
const imports = sources.flatMap((file) => importsOf(file, readFileSync(join(root, 'src', file), 'utf8')));

test('every folder imports only what the table allows it', () => {
  assert(imports.length > 100, 'the scan found hardly any import, so it is broken');
  assert.deepEqual(
    imports.flatMap((entry) => violation(entry) ?? []),
    [],
  );
});

test('the scan sees value imports, type imports, re-exports and dynamic imports', () => {
  const text = [
    "import { a } from '#model/a.ts';",
    "import type { B } from '#etcd/b.ts';",
    "import {\n  c,\n} from './c.ts';",
    "export { d } from '#runtime/d.ts';",
    "const e = await import('#lab/e.ts');",
    "import { readFileSync } from 'node:fs';",
  ].join('\n');
  assert.deepEqual(importsOf('cli/x.ts', text), [
    { from: 'cli/x.ts', target: 'model/a.ts', typeOnly: false },
    { from: 'cli/x.ts', target: 'etcd/b.ts', typeOnly: true },
    { from: 'cli/x.ts', target: 'cli/c.ts', typeOnly: false },
    { from: 'cli/x.ts', target: 'runtime/d.ts', typeOnly: false },
    { from: 'cli/x.ts', target: 'lab/e.ts', typeOnly: false },
  ]);
});

test('the table refuses what it does not allow', () => {
  assert.match(violation({ from: 'model/a.ts', target: 'runtime/b.ts', typeOnly: true }) ?? '', /model\/a\.ts/);
  assert.match(
    violation({ from: 'agent/backends/vxlan/a.ts', target: 'agent/kernel/b.ts', typeOnly: false }) ?? '',
    /only as a type/,
  );
  assert.match(violation({ from: 'new-folder/a.ts', target: 'model/b.ts', typeOnly: false }) ?? '', /no row/);
  assert.equal(
    violation({ from: 'agent/backends/vxlan/a.ts', target: 'agent/kernel/b.ts', typeOnly: true }),
    undefined,
  );
});

test('no folders import each other in a circle', () => {
  const edges = new Map<string, Set<string>>();
  for (const { from, target } of imports) {
    const [here, there] = [folderOf(from), folderOf(target)];
    // A folder and what lies in it are one thing.
    if (!`${here}/`.startsWith(`${there}/`) && !`${there}/`.startsWith(`${here}/`)) {
      edges.set(here, (edges.get(here) ?? new Set()).add(there));
    }
  }
  assert.deepEqual(findCircle(edges), []);
});

test('a circle of folders is found', () => {
  const edges = new Map([
    ['a', new Set(['b'])],
    ['b', new Set(['c'])],
    ['c', new Set(['b'])],
  ]);
  assert.deepEqual(findCircle(edges), ['b', 'c', 'b']);
});

test('nothing is imported by way of ../', () => {
  const offenders = files.filter((file) => file.startsWith('src/') && /(from|import\()\s*'\.\.\//.test(read(file)));
  assert.deepEqual(offenders, []);
});

test('no file only passes on what others export', () => {
  const statements = (text: string): string => text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '').trim();
  const reExports = /^(export (type )?(\*|\{[^}]*\})( as \w+)? from '[^']+';?\s*)+$/;
  assert.deepEqual(
    sources.filter((file) => reExports.test(statements(read(`src/${file}`)))),
    [],
  );
});

test('only the entry points read argv, the environment or end the process', () => {
  const offenders = sources.filter((file) => /\bprocess\.(argv|exit)\b/.test(read(`src/${file}`)));
  assert.deepEqual(offenders, []);
});

function violation({ from, target, typeOnly }: Import): string | undefined {
  const row = TABLE.find(({ who }) => from.startsWith(who));
  if (row === undefined) return `${from}: no row of the table says what it may import`;
  const own = row.who.endsWith('/') ? row.who : from;
  if (target.startsWith(own) || row.may.some((prefix) => target.startsWith(prefix))) return undefined;
  if (!(row.types ?? []).some((prefix) => target.startsWith(prefix))) return `${from} imports ${target}`;
  return typeOnly ? undefined : `${from} imports ${target}, which it may only as a type`;
}

function importsOf(from: string, text: string): Import[] {
  const pattern = /^(?:import|export)\s+(type\s)?[^;']*?from\s+'([^']+)'|\bimport\('([^']+)'\)/gm;
  return [...text.matchAll(pattern)].flatMap((match) => {
    const specifier = match[2] ?? match[3] ?? '';
    const typeOnly = match[1] !== undefined;
    if (specifier.startsWith('#')) return [{ from, target: specifier.slice(1), typeOnly }];
    if (specifier.startsWith('./')) return [{ from, target: `${folderOf(from)}/${specifier.slice(2)}`, typeOnly }];
    return [];
  });
}

/** Tests, and what exists only for them, may reach further. */
function isTestCode(file: string): boolean {
  return file.endsWith('.test.ts') || /\/test-[\w-]+\.ts$/.test(file);
}

/** The first circle found, its first folder repeated at the end; empty when there is none. */
function findCircle(edges: ReadonlyMap<string, ReadonlySet<string>>): readonly string[] {
  const done = new Set<string>();
  const walk = (folder: string, trail: readonly string[]): readonly string[] => {
    const seenAt = trail.indexOf(folder);
    if (seenAt >= 0) return [...trail.slice(seenAt), folder];
    if (done.has(folder)) return [];
    for (const next of edges.get(folder) ?? []) {
      const circle = walk(next, [...trail, folder]);
      if (circle.length > 0) return circle;
    }
    done.add(folder);
    return [];
  };
  for (const folder of edges.keys()) {
    const circle = walk(folder, []);
    if (circle.length > 0) return circle;
  }
  return [];
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}

function read(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}
