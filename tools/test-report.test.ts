/** The report, on runs of node:test over small files written here. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run, type TestContext, test } from 'node:test';
import { type GroupResult, reportGroup } from './test-report.ts';

const IMPORTS = "import { suite, test } from 'node:test';\nimport assert from 'node:assert/strict';\n";

async function report(
  t: TestContext,
  files: Readonly<Record<string, string>>,
): Promise<GroupResult & { shown: string }> {
  const root = mkdtempSync(join(tmpdir(), 'weft-report-'));
  t.after(() => rmSync(root, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(root, name), text);
  // The runner would take itself for a part of the run around it.
  const context = process.env['NODE_TEST_CONTEXT'];
  delete process.env['NODE_TEST_CONTEXT'];
  let shown = '';
  const stream = run({ files: Object.keys(files).map((name) => join(root, name)), cwd: root });
  const result = await reportGroup(stream, root, false, (text) => {
    shown += text;
  });
  if (context !== undefined) process.env['NODE_TEST_CONTEXT'] = context;
  return { ...result, shown };
}

test('tests are counted, suites are not', async (t) => {
  const text = `${IMPORTS}test('a', () => {}); suite('s', () => { test('b', () => {}); test('c', () => {}); });`;
  const { passed, failures, shown } = await report(t, { 'good.mjs': text });
  assert.deepEqual([passed, failures, shown], [3, [], '...\n']);
});

test('a failure is reported once, with file, name, reason and what the file printed', async (t) => {
  const text = `${IMPORTS}suite('s', () => { test('b', () => { console.log('a hint'); assert.equal(1, 2); }); test('c', () => {}); });`;
  const { passed, failures } = await report(t, { 'bad.mjs': text });
  assert.equal(passed, 1);
  assert.equal(failures.length, 1);
  assert.deepEqual([failures[0]?.file, failures[0]?.name], ['bad.mjs', 'b']);
  assert.match(failures[0]?.text ?? '', /1 !== 2[\s\S]*the file printed:\na hint$/);
});

test('a file that does not load, dies or has no tests is a failure', async (t) => {
  const { passed, failures } = await report(t, {
    'syntax.mjs': 'this is no JavaScript',
    'empty.mjs': '',
    'dies.mjs': `${IMPORTS}test('a', () => {}); process.on('exit', () => { process.exitCode = 3; });`,
  });
  assert.equal(passed, 1);
  assert.deepEqual(failures.map((failure) => failure.file).sort(), ['dies.mjs', 'empty.mjs', 'syntax.mjs']);
});

test('skipped tests and those to do are not passed', async (t) => {
  const text = `${IMPORTS}test('a', { skip: true }, () => {}); test('b', { todo: 'later' }, () => {}); test('c', () => {});`;
  const { passed, skipped } = await report(t, { 'half.mjs': text });
  assert.deepEqual([passed, skipped], [1, 2]);
});
