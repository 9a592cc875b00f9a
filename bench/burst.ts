/** A thousand leases, put one by one as fast as etcd takes them, into a running fleet: when is the last one in every kernel? */
import { mapConcurrent } from '#runtime/map-concurrent.ts';
import type { Bench, Figure } from './harness/figure.ts';
import { type Fleet, withFleet } from './harness/fleet.ts';
import type { BenchHost } from './harness/hosts.ts';
import { type ChangeWatch, KernelView, watchChanges, whenSettled } from './harness/kernel-view.ts';
import { measurePaired, pairedFigures } from './harness/pairing.ts';
import { LARGE_NETWORK, leasePair, makePeers, type Peer } from './harness/peers.ts';
import { median } from './harness/statistics.ts';
import { kernelPeersMs } from './harness/yardsticks.ts';

const LEASES = 1_000;
const PUTS_AT_ONCE = 32;
/** So long without a change: it may be done. */
const QUIET_MS = 250;

export const burst: Figure = {
  name: 'burst',
  title: `Burst of ${LEASES} leases into a fleet of three`,
  async measure(bench) {
    const peers = makePeers(LEASES);
    const putting: number[] = [];
    const first: number[] = [];
    const pairs = await measurePaired(
      bench.runs,
      () => kernelPeersMs(peers),
      (run) => {
        bench.progress(`burst, run ${run + 1} of ${bench.runs}`);
        return withFleet(bench, 3, LARGE_NETWORK, async (fleet) => {
          const { puttingMs, afterMs } = await oneBurst(bench, fleet, peers);
          putting.push(puttingMs);
          first.push(Math.min(...afterMs));
          return Math.max(...afterMs);
        });
      },
    );
    return {
      rows: [
        {
          ...pairedFigures('kernel', pairs),
          name: 'last put → last of three hosts done',
          unit: 'ms',
          target: { of: 'ratio', most: 1 },
          flannel: { v0_28: '950 ms, 16 ×', v0_11: '170 ms, 2.8 ×' },
        },
        { name: 'last put → first of three hosts done', value: median(first), unit: 'ms', samples: first },
      ],
      notes: [`the puts themselves, ${PUTS_AT_ONCE} at once: ${median(putting).toFixed(0)} ms`],
    };
  },
};

async function oneBurst(
  { store }: Bench,
  { prefix, hosts }: Fleet,
  peers: readonly Peer[],
): Promise<{ readonly puttingMs: number; readonly afterMs: readonly number[] }> {
  const watches = hosts.map(watchChanges);
  try {
    const begunMs = performance.now();
    await mapConcurrent(peers, PUTS_AT_ONCE, (peer) =>
      store.etcd.put({ ...leasePair(prefix, peer), lease: store.lease }),
    );
    const lastPutMs = performance.now();
    const settledAt = await Promise.all(watches.map((watch, at) => settled(watch, hosts[at], peers)));
    const afterMs = settledAt.map((at) => at - lastPutMs);
    return { puttingMs: lastPutMs - begunMs, afterMs };
  } finally {
    for (const watch of watches) watch[Symbol.dispose]();
  }
}

async function settled(watch: ChangeWatch, host: BenchHost | undefined, peers: readonly Peer[]): Promise<number> {
  if (host === undefined) throw new Error('there is a watch for each host');
  using kernel = new KernelView(host);
  return await whenSettled(watch, QUIET_MS, () => kernel.programmed(peers) === peers.length);
}
