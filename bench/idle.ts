/** Processor time of agents that have nothing to do, three leases in the network. */
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { Figure } from './harness/figure.ts';
import { withFleet } from './harness/fleet.ts';
import { LARGE_NETWORK } from './harness/peers.ts';
import { processorMs } from './harness/process-figures.ts';
import { median } from './harness/statistics.ts';

const WINDOW_MS = 60_000;
const QUICK_WINDOW_MS = 20_000;
/** After the start: what is compiled or collected late is not idling. */
const SETTLE_MS = 5_000;

export const idle: Figure = {
  name: 'idle',
  title: 'Idle agents, three hosts',
  measure: (bench) =>
    withFleet(bench, 3, LARGE_NETWORK, async ({ agents }) => {
      await pause(SETTLE_MS);
      const windowMs = bench.quick ? QUICK_WINDOW_MS : WINDOW_MS;
      bench.progress(`idling for ${windowMs / 1000} s`);
      const look = () => agents.map(({ pid }) => ({ processor: processorMs(pid), wakeUps: wakeUps(pid) }));
      const begunMs = performance.now();
      const before = look();
      await pause(windowMs);
      const elapsedMs = performance.now() - begunMs;
      const after = look();
      const shares = after.map(({ processor }, at) => (100 * (processor - (before[at]?.processor ?? 0))) / elapsedMs);
      const woken = after.map((each, at) => (1000 * (each.wakeUps - (before[at]?.wakeUps ?? 0))) / elapsedMs);
      return {
        rows: [
          {
            name: `processor, ${windowMs / 1000} s, of a core`,
            value: median(shares),
            unit: '%',
            samples: shares,
            target: { of: 'value', most: 0.1 },
            flannel: { v0_28: '0.68 %', v0_11: '0.19 %' },
          },
        ],
        notes: [`the main thread wakes ${median(woken).toFixed(1)} times a second`],
      };
    }),
};

function wakeUps(pid: number): number {
  return Number(/^voluntary_ctxt_switches:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}
