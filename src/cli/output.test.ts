import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatData, type Printable } from './output.ts';

const PRINTABLE: Printable<string> = {
  data: { names: ['a'], id: 12345678901234567890n },
  rows: ['a'],
  columns: [{ title: 'name', value: (row) => row }],
  empty: 'no names',
};

test('json and yaml print the data, 64-bit numbers as text', () => {
  assert.equal(formatData('json', PRINTABLE), '{\n  "names": [\n    "a"\n  ],\n  "id": "12345678901234567890"\n}\n');
  assert.equal(formatData('yaml', PRINTABLE), 'names:\n  - a\nid: "12345678901234567890"\n');
});

test('table prints the rows, or says that there are none', () => {
  assert.equal(formatData('table', PRINTABLE), 'NAME\na\n');
  assert.equal(formatData('table', { ...PRINTABLE, rows: [] }), 'no names\n');
});
