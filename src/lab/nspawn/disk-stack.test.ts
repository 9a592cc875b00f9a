import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type DiskStack,
  FIRST_STACK,
  neededLayers,
  overlayOptions,
  restoreSnapshot,
  takeSnapshot,
} from './disk-stack.ts';

const NOW = '2026-01-01T00:00:00.000Z';

function restored(stack: DiskStack, name: string): DiskStack {
  const after = restoreSnapshot(stack, name);
  assert(after !== undefined);
  return after;
}

test('a snapshot keeps the layers and puts a new one on top', () => {
  const stack = takeSnapshot(FIRST_STACK, 'clean', NOW);
  assert.deepEqual(stack, {
    layers: [1, 2],
    snapshots: [{ name: 'clean', createdAt: NOW, layers: [1] }],
    next: 3,
  });
});

test('to restore is to go back to the layers of the snapshot, with an empty one on top', () => {
  const stack = restored(takeSnapshot(FIRST_STACK, 'clean', NOW), 'clean');
  assert.deepEqual(stack.layers, [1, 3]);
  assert.deepEqual([...neededLayers(stack)].sort(), [1, 3], 'what was written since can go');
});

test('a snapshot that is not there cannot be restored', () => {
  assert.equal(restoreSnapshot(FIRST_STACK, 'clean'), undefined);
});

test('a second snapshot of a name takes the place of the first', () => {
  const stack = takeSnapshot(takeSnapshot(FIRST_STACK, 'clean', NOW), 'clean', NOW);
  assert.deepEqual(stack.snapshots, [{ name: 'clean', createdAt: NOW, layers: [1, 2] }]);
});

test('whatever is done in whatever order, what is written to is never part of a snapshot', () => {
  const step = fc.record({ take: fc.boolean(), name: fc.constantFrom('a', 'b', 'c') });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      let stack = FIRST_STACK;
      for (const { take, name } of steps) {
        stack = take ? takeSnapshot(stack, name, NOW) : (restoreSnapshot(stack, name) ?? stack);
        const top = stack.layers.at(-1) ?? 0;
        assert(!stack.snapshots.some(({ layers }) => layers.includes(top)));
        assert.equal(new Set(stack.layers).size, stack.layers.length);
        assert(Math.max(...neededLayers(stack)) < stack.next);
      }
    }),
  );
});

test('the overlay has the newest of the lower layers first and the base last', () => {
  const stack: DiskStack = { layers: [1, 4, 6], snapshots: [], next: 7 };
  assert.equal(
    overlayOptions('/base', '/m', stack),
    'lowerdir=/m/disk/4/upper:/m/disk/1/upper:/base,upperdir=/m/disk/6/upper,workdir=/m/disk/6/work',
  );
});
