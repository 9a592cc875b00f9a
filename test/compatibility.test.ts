/** docs/compatibility.md: complete in what it must name, and every test that it names exists. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { AGENT_FLAGS } from '#agent/config/agent-flags.ts';

const root = join(import.meta.dirname, '..');
const page = readFileSync(join(root, 'docs/compatibility.md'), 'utf8');

/** `file` "words of a test", or the file alone. */
const references = [...page.matchAll(/`([\w./-]+\.test\.ts)`(?:\s+"([^"]+)")?/g)];

test('every flag is on the page', () => {
  const missing = AGENT_FLAGS.filter(({ name }) => !page.includes(`\`-${name}\``));
  assert.deepEqual(missing, []);
});

test('every row says by which test it is verified', () => {
  const rows = page
    .split('\n')
    .filter((line) => line.startsWith('|') && !/^\|(---| (What|Flag|Variable|File|Name) )/.test(line));
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
