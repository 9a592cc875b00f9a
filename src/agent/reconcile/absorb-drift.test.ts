import assert from 'node:assert/strict';
import { test } from 'node:test';
import { absorbRepair } from './absorb-drift.ts';
import { newDriftCounters } from './drift.ts';
import type { Action } from './input.ts';
import { newCoreState } from './state.ts';
import { testSettings } from './test-settings.ts';

const REPAIR = {
  devices: ['flannel.1'],
  found: ['device missing', '3 routes missing'],
  done: ['device made', '3 routes added'],
  repaired: { device: 1, route: 3 },
  objects: ['device flannel.1'],
  durationMs: 1.26,
  failed: 0,
  causers: [],
  bySweep: false,
};

test('repairs are counted by kind, those of a sweep and fights beside them', () => {
  const core = newCoreState(testSettings());
  for (let round = 0; round < 11; round += 1) absorbRepair(core, REPAIR, round, []);
  absorbRepair(core, { ...REPAIR, bySweep: true }, 12, []);
  const repaired = { ...newDriftCounters().repaired, device: 12, route: 36 };
  assert.deepEqual(core.drift, { repaired, sweeps: 0, foundBySweep: 4, fights: 1 });
});

test('a line is bounded, and says how much it leaves out', () => {
  const actions: Action[] = [];
  const found = Array.from({ length: 40 }, (_, number) => `chain ${number} absent`);
  absorbRepair(
    newCoreState(testSettings()),
    { ...REPAIR, found, failed: 2, causers: ['a', 'b', 'c', 'd'] },
    0,
    actions,
  );
  const [line] = actions;
  assert.ok(line?.type === 'log');
  assert.deepEqual(line.fields, {
    device: 'flannel.1',
    found: `${found.slice(0, 12).join(', ')} and 28 more`,
    done: 'device made, 3 routes added',
    by: 'a, b, c',
    failed: 2,
    ms: 1.3,
  });
});
