import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chaosJson, chaosTable, eventLine, summarise, thresholdText, violationLines } from './report.ts';
import type { ChaosEvent } from './run.ts';

const QUIET: ChaosEvent = {
  ...{
    number: 1,
    fault: 'agent-kill',
    kind: 'control',
    detail: 'host1',
    beganAt: '2026-11-20T18:00:00.000Z',
    lastedMs: 1500,
  },
  ...{ disturbed: [], strangers: [], lost: 0, longestGapMs: 0, healedMs: 0, restoredMs: 0, violations: [] },
};
const BROKEN: ChaosEvent = {
  ...{
    number: 2,
    fault: 'device-delete',
    kind: 'data',
    detail: 'host2',
    beganAt: '2026-11-20T18:00:09.000Z',
    lastedMs: 20,
  },
  disturbed: [{ flow: 'pod1 → pod2', lost: 4, gapMs: 50 }],
  ...{ strangers: [], lost: 4, longestGapMs: 50, healedMs: 60, restoredMs: 100, violations: [] },
};
const LOST: ChaosEvent = {
  ...BROKEN,
  number: 3,
  lost: 9,
  longestGapMs: 15_000,
  healedMs: null,
  violations: ['silent'],
};
const RESULT = {
  threshold: { calmMs: 3.2, calmLost: 0, silenceMs: 100, lost: 0 },
  events: [QUIET, BROKEN, LOST],
};

test('the table has a line per kind of fault: times, flows, loss, gaps and healing, and whether the promise was kept', () => {
  const table = chaosTable(RESULT, 6, false).split('\n');
  assert.match(table[1] ?? '', /^agent-kill +control +1 +0 of 6 +0 +- +- +- +- +kept ✓/);
  assert.match(table[2] ?? '', /^device-delete +data +2 +1 of 6 +13 +50 ms +15000 ms +60 ms +never, 1 × +broken 1 × ✗/);
});

test('the summary says how often a fault was not healed, and leaves that out of the healing times', () => {
  const [, second] = summarise(RESULT.events);
  assert.deepEqual([second?.unhealed, second?.healedMs], [1, { p50: 60, max: 60 }]);
});

test('every event has a line while it runs, and every broken promise one at the end', () => {
  assert.equal(eventLine(QUIET), '✓ 1. agent-kill, host1, 1.5 s: no flow disturbed');
  assert.match(eventLine(BROKEN), /^✓ 2\..*: 1 flows disturbed, 4 lost, longest gap 50 ms, healed in 60 ms$/);
  assert.match(eventLine(LOST), /^✗ 3\..*not healed$/);
  assert.deepEqual(violationLines(RESULT.events), ['3. device-delete (host2, 2026-11-20T18:00:09.000Z): silent']);
});

test('the measure of the calm phase is stated as a multiple', () => {
  assert.match(thresholdText(RESULT.threshold), /3\.2 ms, 0 lost; .* more than 100 ms \(3 × calm, at least 100 ms\)/);
});

test('JSON holds the header, the threshold, the summary and every event', () => {
  const { seed, threshold, promises, faults, events } = JSON.parse(chaosJson({ seed: 7 }, RESULT));
  assert.deepEqual([seed, threshold, faults.length, events.length], [7, RESULT.threshold, 2, 3]);
  assert.deepEqual(promises.mostHealingMs, { data: 1000, cable: 2000 });
});
