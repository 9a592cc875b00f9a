import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearestWord } from './nearest-word.ts';

const KNOWN = ['status', 'network', 'lease', 'lab', 'up'];

for (const [word, nearest] of [
  ['statsu', 'status'],
  ['netwrok', 'network'],
  ['leases', 'lease'],
  ['lba', 'lab'],
  ['pu', 'up'],
  ['kubernetes', undefined],
  ['', undefined],
] as const) {
  test(`${JSON.stringify(word)} was meant to be ${nearest ?? 'nothing known'}`, () => {
    assert.equal(nearestWord(word, KNOWN), nearest);
  });
}
