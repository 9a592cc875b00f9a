/** The short form of `npm run chaos`: every fault once, with traffic on all flows of three hosts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CATALOGUE } from '../../chaos/faults/catalogue.ts';
import { withChaosLab } from '../../chaos/lab.ts';
import { eventLine } from '../../chaos/report.ts';
import { type ChaosEvent, runChaos } from '../../chaos/run.ts';
import { schedule } from '../../chaos/schedule.ts';

const SEED = 4;
const NEVER = new AbortController().signal;

test('real faults: control alone loses no datagram, what carries packets is repaired, other hosts notice nothing', async (context) => {
  const events: ChaosEvent[] = [];
  const steps = schedule(CATALOGUE, SEED).take(CATALOGUE.length);
  await withChaosLab({ hosts: 3, signal: NEVER, progress: () => {} }, async (lab) => {
    await runChaos(steps, { lab, signal: NEVER, brief: true, onEvent: (event) => events.push(event) });
  });
  assert.deepEqual(events.map(({ fault }) => fault).toSorted(), CATALOGUE.map(({ name }) => name).toSorted());
  for (const event of events) {
    // How long it took is for `npm run chaos` to judge: a test says only that it came right.
    await context.test(`${event.fault} on ${event.detail}`, () => {
      const seen = eventLine(event);
      assert.equal(event.failure, undefined, seen);
      assert.deepEqual(
        event.strangers.filter(({ lost }) => lost > 0),
        [],
        seen,
      );
      assert.notEqual(event.healedMs, null, seen);
      // Else nobody would have noticed anything.
      if (event.kind === 'cable') assert(event.lost > 0, seen);
    });
  }
});
