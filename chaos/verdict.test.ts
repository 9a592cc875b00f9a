import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FlowState, Gap } from './traffic/lines.ts';
import { calibrate, judge, type Observation, type Threshold } from './verdict.ts';

const LIMIT: Threshold = { calmMs: 10, calmLost: 0, silenceMs: 100, lost: 0 };
const FAULT_MS = 1000;

function gap(flow: string, lost: number, startedMs: number, endedMs: number): Gap {
  return { flow, lost, startedMs, endedMs };
}

function flow(name: string, ageMs: number, longestDelayMs = 1): FlowState {
  return { flow: name, ageMs, longestDelayMs, received: 100 };
}

function observe(more: Partial<Observation>): Observation {
  return {
    kind: 'data',
    host: 2,
    healableFromMs: FAULT_MS,
    lookedFromMs: FAULT_MS,
    gaps: [],
    silent: [],
    left: [],
    asBeforeMs: FAULT_MS,
    ...more,
  };
}

test('on a calm machine a disturbance is more than 100 ms of silence or any datagram lost', () => {
  assert.deepEqual(calibrate([], [flow('pod1 → pod2', 5, 4)]), { calmMs: 4, calmLost: 0, silenceMs: 100, lost: 0 });
});

test('what a busy machine does to an unbroken fabric does not count: the threshold is three times that', () => {
  const calm = calibrate([gap('pod1 → pod2', 2, 0, 50)], [flow('pod1 → pod2', 5, 4)]);
  assert.deepEqual(calm, { calmMs: 50, calmLost: 2, silenceMs: 150, lost: 6 });
  const verdict = judge(observe({ kind: 'control', gaps: [gap('pod1 → pod2', 6, 1000, 1140)] }), calm);
  assert.deepEqual([verdict.disturbed, verdict.violations], [[], []]);
});

test('a fault of control that loses one datagram breaks the promise, and one that only delays breaks it, too', () => {
  for (const seen of [gap('pod1 → pod2', 1, 1010, 1030), gap('pod1 → pod2', 0, 1010, 1200)]) {
    const { host: _, ...anywhere } = observe({ kind: 'control', gaps: [seen] });
    const verdict = judge(anywhere, LIMIT);
    assert.equal(verdict.disturbed.length, 1);
    assert.deepEqual(verdict.strangers, verdict.disturbed);
    assert.match(verdict.violations.join(), /^disturbed 1 flows: pod1 → pod2 \(/);
  }
});

test('a short delay without loss is none', () => {
  const verdict = judge(observe({ kind: 'control', gaps: [gap('pod1 → pod2', 0, 1010, 1050)] }), LIMIT);
  assert.deepEqual(verdict.disturbed, []);
});

test('a fault of data may disturb the flows of its host for a second; loss, longest gap and healing are told', () => {
  const gaps = [
    gap('pod1 → pod2', 3, 1010, 1050),
    gap('pod1 → pod2', 2, 1100, 1180),
    gap('pod2 → pod3', 1, 1000, 1020),
  ];
  const verdict = judge(observe({ gaps, asBeforeMs: 1200 }), LIMIT);
  assert.deepEqual(verdict.disturbed, [
    { flow: 'pod1 → pod2', lost: 5, gapMs: 80 },
    { flow: 'pod2 → pod3', lost: 1, gapMs: 20 },
  ]);
  const { lost, longestGapMs, healedMs, restoredMs, violations } = verdict;
  assert.deepEqual(
    { lost, longestGapMs, healedMs, restoredMs },
    { lost: 6, longestGapMs: 80, healedMs: 180, restoredMs: 200 },
  );
  assert.deepEqual(violations, []);
});

test('flows of other hosts have to go on', () => {
  const { violations, strangers } = judge(observe({ gaps: [gap('pod1 → pod3', 1, 1010, 1030)] }), LIMIT);
  assert.deepEqual(
    [strangers.length, violations],
    [1, ['disturbed 1 flows of other hosts: pod1 → pod3 (1 lost, 20 ms)']],
  );
});

test('healing that takes longer than a second breaks the promise, be it of flows or of kernels', () => {
  const slow = judge(observe({ gaps: [gap('pod1 → pod2', 100, 1000, 2001)], asBeforeMs: 2100 }), LIMIT);
  assert.deepEqual(slow.violations, ['whole again after 1001 ms only', 'as before after 1100 ms only']);
});

test('kernels are judged from when the fault was done: before that nobody looked', () => {
  const verdict = judge(observe({ lookedFromMs: 4000, asBeforeMs: 4100 }), LIMIT);
  assert.deepEqual([verdict.restoredMs, verdict.violations], [100, []]);
});

test('a cable has two seconds from when it is in again', () => {
  const gaps = [gap('pod1 → pod2', 300, 1000, 5900)];
  assert.deepEqual(
    judge(observe({ kind: 'cable', healableFromMs: 4000, gaps, asBeforeMs: 4000 }), LIMIT).violations,
    [],
  );
  const late = judge(observe({ kind: 'cable', healableFromMs: 3000, gaps, asBeforeMs: 3000 }), LIMIT);
  assert.deepEqual([late.healedMs, late.violations], [2900, ['whole again after 2900 ms only']]);
});

test('a flow that stays silent, or a kernel that is not as before, is never healed', () => {
  const silent = judge(observe({ silent: [flow('pod2 → pod1', 9000)] }), LIMIT);
  assert.deepEqual([silent.healedMs, silent.longestGapMs], [null, 9000]);
  assert.deepEqual(silent.violations, ['silent to the end: pod2 → pod1']);
  const { asBeforeMs: _, ...never } = observe({ left: ['host2: - route 172.30.1.0/24'] });
  const left = judge(never, LIMIT);
  assert.deepEqual([left.healedMs, left.restoredMs], [null, null]);
  assert.deepEqual(left.violations, ['not as before: host2: - route 172.30.1.0/24']);
});

test('an agent that does not start again is a broken promise although no packet was lost', () => {
  const verdict = judge(observe({ kind: 'control', failure: 'the agent did not get ready' }), LIMIT);
  assert.deepEqual(
    [verdict.failure, verdict.violations],
    ['the agent did not get ready', ['the agent did not get ready']],
  );
});
