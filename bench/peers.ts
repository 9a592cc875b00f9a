/** From the start of an agent's process to all peers in the kernel; READY must not come before. */
import { startAgent } from './harness/agent-process.ts';
import type { Bench, Figure, Row } from './harness/figure.ts';
import { leasesOf, withHosts } from './harness/fleet.ts';
import { forgetDevice } from './harness/hosts.ts';
import { KernelView } from './harness/kernel-view.ts';
import { measurePaired, pairedFigures } from './harness/pairing.ts';
import { LARGE_NETWORK, makePeers } from './harness/peers.ts';
import { processorMs } from './harness/process-figures.ts';
import { median } from './harness/statistics.ts';
import { putPeers } from './harness/store.ts';
import { kernelPeersMs } from './harness/yardsticks.ts';

const SIZES = [100, 1_000, 10_000] as const;
const MOST_TIMES_KERNEL: Partial<Record<number, number>> = { 1000: 1.5, 10000: 0.5 };
const FLANNEL: Record<(typeof SIZES)[number], { readonly v0_28: string; readonly v0_11: string }> = {
  100: { v0_28: '340 ms, 43 ×', v0_11: '110 ms, 14 ×' },
  1000: { v0_28: '1660 ms, 23 ×', v0_11: '240 ms, 3 ×' },
  10000: { v0_28: '17400 ms, 9 ×', v0_11: '2600 ms, 1.4 ×' },
};

export const peers: Figure = {
  name: 'peers',
  title: 'Start → READY with N peers, all of them in the kernel',
  async measure(bench) {
    const results: { row: Row; note: string }[] = [];
    for (const size of SIZES) results.push(await measureSize(bench, size));
    return { rows: results.map(({ row }) => row), notes: results.map(({ note }) => note) };
  },
};

function measureSize(bench: Bench, size: (typeof SIZES)[number]): Promise<{ row: Row; note: string }> {
  return withHosts(bench, 1, LARGE_NETWORK, async (prefix, hosts) => {
    const [host] = hosts;
    if (host === undefined) throw new Error('one host was asked for');
    const all = makePeers(size);
    await putPeers(bench.store, prefix, all);
    using kernel = new KernelView(host);
    const processor: number[] = [];
    const marks: ReadonlyMap<string, number>[] = [];
    const start = async (run: number): Promise<number> => {
      bench.progress(`${size} peers, run ${run + 1} of ${bench.runs}`);
      const agent = startAgent({ ...bench, prefix, host });
      try {
        const elapsedMs = await agent.ready;
        const there = kernel.programmed(all);
        if (there !== size) throw new Error(`READY came with ${there} of ${size} peers in the kernel`);
        processor.push(processorMs(agent.pid));
        marks.push(agent.logTimes());
        return elapsedMs;
      } finally {
        await agent.stop();
        await forgetDevice(host.namespace);
        for (const { key } of await leasesOf(bench.store, prefix, hosts)) await bench.store.etcd.delete({ key });
      }
    };
    const pairs = await measurePaired(bench.runs, () => kernelPeersMs(all), start);
    const figures = pairedFigures('kernel', pairs);
    const most = MOST_TIMES_KERNEL[size];
    const at = (message: string): string => median(marks.map((times) => times.get(message) ?? Number.NaN)).toFixed(0);
    return {
      row: {
        ...figures,
        name: `${size} peers`,
        unit: 'ms',
        flannel: FLANNEL[size],
        ...(most === undefined ? {} : { target: { of: 'ratio', most } }),
      },
      note:
        `${size} peers: first log line ${at('starting')} → configuration and leases read ${at('network configuration read')} → ` +
        `lease ${at('lease acquired')} → ready ${at('ready')} ms; processor ${median(processor).toFixed(0)} ms`,
    };
  });
}
