import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { type Column, renderTable } from './table.ts';

interface Thread {
  readonly name: string;
  readonly ends?: number;
}

const THREADS: readonly Thread[] = [{ name: 'warp', ends: 1200 }, { name: 'w' }];
const COLUMNS: readonly Column<Thread>[] = [
  { title: 'name', value: (row) => row.name },
  { title: 'ends', value: (row) => row.ends, align: 'right', wide: true },
  { title: 'first', value: (row) => row.name[0], colour: () => 'green' },
];

test('columns are as wide as they must be, and nothing trails', () => {
  assert.equal(
    renderTable(THREADS, COLUMNS, { wide: true, colours: false }),
    'NAME  ENDS  FIRST\nwarp  1200  w\nw        -  w\n',
  );
});

test('wide columns are left out of the plain form', () => {
  assert.equal(renderTable(THREADS, COLUMNS, { wide: false, colours: false }), 'NAME  FIRST\nwarp  w\nw     w\n');
});

test('colours do not move columns', () => {
  const text = renderTable(THREADS, COLUMNS, { wide: false, colours: true });
  assert(text.includes('\u001b[32mw\u001b[39m\n'));
  assert.equal(stripVTControlCharacters(text), renderTable(THREADS, COLUMNS, { wide: false, colours: false }));
});

test('what a stranger wrote cannot steer the terminal', () => {
  const rows = [{ name: 'a\u001b[2Jb\nc\u202e' }];
  assert.equal(renderTable(rows, COLUMNS.slice(0, 1), { wide: false, colours: false }), 'NAME\na·[2Jb·c·\n');
});

test('full-width characters count as two', () => {
  const rows = [{ name: '織' }, { name: 'ab' }];
  assert.equal(renderTable(rows, COLUMNS, { wide: false, colours: false }), 'NAME  FIRST\n織    織\nab    a\n');
});
