import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseTrafficLine, touches } from './lines.ts';

test('a gap, a flow and the time are read, microseconds as milliseconds', () => {
  assert.deepEqual(parseTrafficLine('gap 1 3 5000 45000', 2), {
    ...{ type: 'gap', flow: 'pod1 → pod2', lost: 3, startedMs: 5, endedMs: 45 },
  });
  assert.deepEqual(parseTrafficLine('flow 3 2500 120 900', 2), {
    ...{ type: 'flow', flow: 'pod3 → pod2', ageMs: 2.5, received: 120, longestDelayMs: 0.9 },
  });
  assert.deepEqual(parseTrafficLine('now 1500', 2), { type: 'now', atMs: 1.5 });
});

test('what the program does not print is a mistake', () => {
  for (const line of ['', 'gap 1 2', 'flow 1 2 3 x', 'now', 'hum 1 2 3 4'])
    assert.throws(() => parseTrafficLine(line, 1), /the traffic program said/);
});

test('a flow touches the hosts of its two ends, and host1 is not host10', () => {
  assert(touches('pod1 → pod10', 10));
  assert(touches('pod1 → pod10', 1));
  assert(!touches('pod11 → pod10', 1));
});
