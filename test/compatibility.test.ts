/** docs/compatibility.md: complete in what it must name, and every test that it names exists. */
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { BACKEND_TYPES, openBackend } from '#agent/backends/registry.ts';
import { AGENT_FLAGS } from '#agent/config/agent-flags.ts';
import { annotationNames } from '#agent/leases/kube-annotations.ts';
import { parseNetworkConfig } from '#model/network-config.ts';
import { readNetworkFields } from '#model/network-fields.ts';
import { Fault } from '#runtime/fault.ts';

const root = join(import.meta.dirname, '..');
const page = readFileSync(join(root, 'docs/compatibility.md'), 'utf8');

const rows = page
  .split('\n')
  .filter((line) => line.startsWith('|') && !/^\|(---| (What|Flag|Variable|File|Name) )/.test(line));

/** What stands in backquotes in the first cells. */
const named = new Set(rows.flatMap((row) => [...firstCell(row).matchAll(/`([^`]+)`/g)].map(([, name]) => name)));

/** `file` "words of a test", or the file alone. */
const references = [...page.matchAll(/`([\w./-]+\.test\.ts)`(?:\s+"([^"]+)")?/g)];

test('every flag is on the page', () => {
  const missing = AGENT_FLAGS.filter(({ name }) => !page.includes(`\`-${name}\``));
  assert.deepEqual(missing, []);
});

test('every key of the network document has a row', () => {
  const { unreadable: _, ...fields } = readNetworkFields('{}', []);
  const keys = Object.keys(fields);
  assert(keys.includes('IPv6SubnetMax'));
  assert.deepEqual(
    keys.filter((key) => !named.has(key)),
    [],
  );
});

test('every option that a backend reads has a row of that backend', () => {
  const options = BACKEND_TYPES.flatMap((type) => optionsOf(type).map((option) => [type, option] as const));
  assert(options.length > 15, 'the scan found hardly any option, so it is broken');
  const missing = options.filter(
    ([type, option]) =>
      !rows.some((row) => row.startsWith(`| \`${type}\`: `) && firstCell(row).includes(`\`${option}\``)),
  );
  assert.deepEqual(missing, []);
});

test('every device that a backend makes has a row', () => {
  const devices = BACKEND_TYPES.flatMap((type) => [
    ...devicesOf(type, { Network: '10.5.0.0/16' }),
    ...devicesOf(type, { Network: '10.5.0.0/16', EnableIPv6: true, IPv6Network: 'fd00:5::/48' }),
  ]);
  assert(devices.length > 5, 'hardly any device was found, so the test is broken');
  // The VNI of vxlan is 1 by default.
  const missing = devices.filter((name) => !named.has(name.replace(/\.1$/, '.<VNI>')));
  assert.deepEqual(missing, []);
});

test('every annotation of a node has a row', () => {
  const missing = Object.values(annotationNames('p.q')).filter((name) => !named.has(name.replace('p.q/', 'p/')));
  assert.deepEqual(missing, []);
});

test('an API server that cannot be reached ends the agent with 3', () => {
  for (const code of ['kube.dns', 'kube.tcp', 'kube.timeout', 'kube.unavailable'] as const) {
    assert.equal(new Fault(code, { what: 'a test' }).exitCode, 3, code);
  }
});

test('every row says by which test it is verified', () => {
  assert(rows.length > 50, 'the scan found hardly any row, so it is broken');
  assert.deepEqual(
    rows.filter((row) => !/`[\w./-]+\.test\.ts`[^|]*\|$/.test(row)),
    [],
  );
});

test('every test that the page names exists', () => {
  assert(references.length > 50);
  const missing = references.filter(([, file = '', words]) => {
    const path = join(root, file);
    // A title may stand in the source with its quotation marks escaped.
    return (
      !existsSync(path) ||
      !readFileSync(path, 'utf8')
        .replaceAll("\\'", "'")
        .includes(words?.replaceAll(/\s+/g, ' ') ?? '')
    );
  });
  assert.deepEqual(
    missing.map(([reference]) => reference),
    [],
  );
});

function firstCell(row: string): string {
  return row.split('|')[1] ?? '';
}

/** Names in the calls that read or report an option: `integer('VNI', …)`, `report('PSK', …)`. */
function optionsOf(type: string): readonly string[] {
  const files = globSync(`src/agent/backends/${type}/*.ts`, { cwd: root }).filter((file) => !file.endsWith('.test.ts'));
  const sources = files.map((file) => readFileSync(join(root, file), 'utf8')).join('\n');
  const calls = sources.matchAll(/\b(?:integer|flag|field|report|command)\(\s*'([A-Z]\w+)'/g);
  return [...new Set([...calls].map(([, name = '']) => name))];
}

/** None when the backend refuses the document. */
function devicesOf(type: string, document: object): readonly string[] {
  const parsed = parseNetworkConfig(JSON.stringify({ ...document, Backend: { Type: type } }));
  assert('config' in parsed);
  const opened = openBackend(parsed.config);
  return 'backend' in opened ? opened.backend.devices : [];
}
