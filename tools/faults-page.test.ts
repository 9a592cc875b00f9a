import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { FAULTS } from '#runtime/fault-table.ts';
import { FAULTS_PAGE, renderFaultsPage } from './faults-page.ts';

test('docs/faults.md is what the table says (write it anew: node tools/faults-page.ts)', () => {
  assert.equal(readFileSync(FAULTS_PAGE, 'utf8'), renderFaultsPage(FAULTS));
});

test('codes are grouped by their first word, and cells cannot break the table', () => {
  const page = renderFaultsPage({
    'loom.cut': { title: 'a | b <c>', exit: 1, remedy: 'tie it' },
    'warp.gone': { title: 'gone', exit: 3, remedy: 'look' },
  });
  assert.match(
    page,
    /## loom\n\n.*\n\|---\|---\|---\|---\|\n\| `loom\.cut` \| a \\\| b &lt;c> \| tie it \| 1 finding or failure \|\n\n## warp/,
  );
});
