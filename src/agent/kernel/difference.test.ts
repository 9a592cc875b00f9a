import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '#agent/leases/lease-builders.ts';
import { difference } from './difference.ts';

interface Entry {
  readonly id: number;
  readonly value: number;
}

const key = ({ id }: Entry): number => id;
const same = (a: Entry, b: Entry): boolean => a.value === b.value;

function entriesOf(text: string): readonly Entry[] {
  return Array.from(text.matchAll(/(\d+):(\d+)/g), ([, id, value]) => ({ id: Number(id), value: Number(value) }));
}

for (const [what, wanted, present, missing, surplus] of [
  ['equal lists', '1:1 2:2 3:3', '1:1 2:2 3:3', '', ''],
  ['one more in the middle', '1:1 2:2 3:3', '1:1 3:3', '2:2', ''],
  ['one less in the middle', '1:1 3:3', '1:1 2:2 3:3', '', '2:2'],
  ['another value', '1:1 2:2 3:3', '1:1 2:9 3:3', '2:2', ''],
  ['another order', '1:1 2:2 3:3', '3:3 1:1 2:2', '', ''],
  ['a twin of an entry', '1:1 2:2', '1:1 1:5 2:2', '', '1:5'],
  ['nothing there', '1:1', '', '1:1', ''],
  ['nothing wanted', '', '1:1', '', '1:1'],
] as const) {
  test(`${what}: what is missing and what is too much`, () => {
    const found = difference(entriesOf(wanted), entriesOf(present), key, same);
    assert.deepEqual(found, { missing: entriesOf(missing), surplus: entriesOf(surplus) });
  });
}

test('whatever the order, doing what is missing and undoing what is too much leads from one list to the other', () => {
  const random = seededRandom(7);
  const some = (): readonly Entry[] => {
    const ids = Array.from({ length: 12 }, (_, id) => id).filter(() => random() < 0.7);
    if (random() < 0.5) ids.sort(() => random() - 0.5);
    return ids.map((id) => ({ id, value: Math.floor(random() * 2) }));
  };
  for (let round = 0; round < 2000; round += 1) {
    const [wanted, present] = [some(), some()];
    const { missing, surplus } = difference(wanted, present, key, same);
    const result = new Map(present.map((entry) => [entry.id, entry.value]));
    for (const { id } of surplus) result.delete(id);
    for (const { id, value } of missing) result.set(id, value);
    assert.deepEqual(
      [...result].toSorted(([a], [b]) => a - b),
      wanted.map(({ id, value }) => [id, value]).toSorted(([a = 0], [b = 0]) => a - b),
    );
    const there = new Map(present.map((entry) => [entry.id, entry.value]));
    for (const { id, value } of missing) assert.notEqual(there.get(id), value, 'nothing is done twice');
  }
});
