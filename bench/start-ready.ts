/** From the start of an agent's process to READY=1, the third host of three: a new lease, and the one it had. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { forgetSubnet, startAgent } from './harness/agent-process.ts';
import type { Bench, Figure, Row } from './harness/figure.ts';
import { type Fleet, leasesOf, withFleet } from './harness/fleet.ts';
import { forgetDevice } from './harness/hosts.ts';
import { measurePaired, pairedFigures } from './harness/pairing.ts';
import { LARGE_NETWORK } from './harness/peers.ts';
import { processorMs } from './harness/process-figures.ts';
import { SANDBOX_DIRECTORY } from './harness/sandbox.ts';
import { median } from './harness/statistics.ts';
import { etcdPutMs } from './harness/yardsticks.ts';

const TARGET_MS = 120;
/** The others take note of a lease that is gone before the next run. */
const SETTLE_MS = 100;
/** Log messages that mark the way, and what they mean. */
const MARKS = [
  ['starting', 'first log line'],
  ['network configuration read', 'configuration read'],
  ['lease acquired', 'lease'],
  ['ready', 'ready logged'],
] as const;

export const startReady: Figure = {
  name: 'start-ready',
  title: 'Start → READY, third host of three',
  measure: (bench) =>
    withFleet(bench, 3, LARGE_NETWORK, async (fleet) => {
      await fleet.agents[2]?.stop();
      const cold = await measureStarts(bench, fleet, 'cold');
      const warm = await measureStarts(bench, fleet, 'warm');
      const flannel = {
        cold: { v0_28: '174 ms, ~15 ×', v0_11: '64 ms, ~5 ×' },
        warm: { v0_28: '201 ms', v0_11: '57 ms' },
      };
      return {
        rows: [
          { ...cold.row, name: 'new lease', flannel: flannel.cold },
          { ...warm.row, name: 'lease re-used', flannel: flannel.warm },
        ],
        notes: [
          `new lease: ${cold.way}`,
          `lease re-used: ${warm.way}`,
          `an empty program in the same Node: ${median([...cold.emptyMs, ...warm.emptyMs]).toFixed(0)} ms from start to end`,
        ],
      };
    }),
};

interface Starts {
  readonly row: Omit<Row, 'name'>;
  /** Where the time goes, in words. */
  readonly way: string;
  /** Milliseconds of an empty program, measured in between. */
  readonly emptyMs: readonly number[];
}

async function measureStarts(bench: Bench, { hosts, prefix }: Fleet, kind: 'cold' | 'warm'): Promise<Starts> {
  const host = hosts[2];
  if (host === undefined) throw new Error('the fleet has three hosts');
  const marks: ReadonlyMap<string, number>[] = [];
  const processor: number[] = [];
  const emptyMs: number[] = [];
  const start = async (): Promise<number> => {
    if (kind === 'cold') {
      for (const { key } of await leasesOf(bench.store, prefix, [host])) await bench.store.etcd.delete({ key });
      forgetSubnet(host);
      await forgetDevice(host.namespace);
      await pause(SETTLE_MS);
    }
    const agent = startAgent({ ...bench, prefix, host });
    const elapsedMs = await agent.ready;
    processor.push(processorMs(agent.pid));
    await agent.stop();
    marks.push(agent.logTimes());
    emptyMs.push(emptyProgramMs(bench));
    return elapsedMs;
  };
  await start();
  for (const samples of [marks, processor, emptyMs]) samples.length = 0;
  const pairs = await measurePaired(bench.runs, () => etcdPutMs(bench.store), start);
  const figures = pairedFigures('etcd put', pairs);
  const stations = MARKS.map(
    ([message, meaning]) => `${meaning} ${median(marks.map((times) => times.get(message) ?? Number.NaN)).toFixed(0)}`,
  );
  return {
    row: { ...figures, unit: 'ms', target: { of: 'value', most: TARGET_MS } },
    way:
      `started 0 → ${stations.join(' → ')} → READY heard ${figures.value.toFixed(0)} ms; ` +
      `processor ${median(processor).toFixed(0)} ms`,
    emptyMs,
  };
}

function emptyProgramMs({ program }: Bench): number {
  const file = join(SANDBOX_DIRECTORY, 'empty.mjs');
  writeFileSync(file, '');
  const [node = ''] = program.argv;
  const begunMs = performance.now();
  spawnSync(node, [file], { env: program.environment });
  return performance.now() - begunMs;
}
