/** Memory of an idle agent with few and many leases, five seconds after READY. */
import { setTimeout as pause } from 'node:timers/promises';
import { startAgent } from './harness/agent-process.ts';
import type { Bench, Figure, Row } from './harness/figure.ts';
import { withHosts } from './harness/fleet.ts';
import { LARGE_NETWORK, makePeers } from './harness/peers.ts';
import { type MemoryUse, memoryUse } from './harness/process-figures.ts';
import { median } from './harness/statistics.ts';
import { putPeers } from './harness/store.ts';

const IDLE_MS = 5_000;
/** Leases in the network, our own among them. */
const SIZES = [3, 100, 1_000, 10_000] as const;
const MOST_RSS_MB: Partial<Record<number, number>> = { 3: 60, 10000: 75 };
const FLANNEL: Record<(typeof SIZES)[number], { readonly v0_28: string; readonly v0_11: string }> = {
  3: { v0_28: '38 MiB', v0_11: '24 MiB' },
  100: { v0_28: '37 MiB', v0_11: '26 MiB' },
  1000: { v0_28: '41 MiB', v0_11: '28 MiB' },
  10000: { v0_28: '48 MiB', v0_11: '33 MiB' },
};

export const memory: Figure = {
  name: 'memory',
  title: 'Memory of an idle agent, 5 s after READY',
  async measure(bench) {
    const uses: MemoryUse[][] = [];
    for (let run = 0; run < bench.runs; run += 1) uses.push(await measureOnce(bench));
    const rows: Row[] = [];
    const notes: string[] = [];
    for (const [at, size] of SIZES.entries()) {
      const samples = uses.flatMap((use) => use[at] ?? []);
      const of = (part: keyof MemoryUse): number => median(samples.map((use) => use[part]));
      const most = MOST_RSS_MB[size];
      rows.push({
        name: `${size} leases, resident`,
        value: of('rss'),
        unit: 'MiB',
        samples: samples.map(({ rss }) => rss),
        flannel: FLANNEL[size],
        ...(most === undefined ? {} : { target: { of: 'value', most } }),
      });
      rows.push({
        name: `${size} leases, private`,
        value: of('private'),
        unit: 'MiB',
        samples: samples.map((use) => use.private),
        ...(size === 3 ? { flannel: { v0_28: '8 MiB', v0_11: '8 MiB' } } : {}),
      });
      notes.push(
        `${size} leases: ${of('nodeText').toFixed(1)} MiB Node's own file (shared by all Node processes) + ` +
          `${of('libraries').toFixed(1)} libraries + ${of('malloc').toFixed(1)} malloc + ` +
          `${of('anonymous').toFixed(1)} V8 heap, code, stacks and buffers; proportional ${of('proportional').toFixed(1)}`,
      );
    }
    return { rows, notes };
  },
};

/** One agent of each size at the same time: memory does not mind company. */
function measureOnce(bench: Bench): Promise<MemoryUse[]> {
  return Promise.all(SIZES.map((size) => measureSize(bench, size)));
}

function measureSize(bench: Bench, size: number): Promise<MemoryUse> {
  return withHosts(bench, 1, LARGE_NETWORK, async (prefix, [host]) => {
    if (host === undefined) throw new Error('one host was asked for');
    await putPeers(bench.store, prefix, makePeers(size - 1));
    const agent = startAgent({ ...bench, prefix, host });
    try {
      await agent.ready;
      await pause(IDLE_MS);
      return memoryUse(agent.pid);
    } finally {
      await agent.stop();
    }
  });
}
