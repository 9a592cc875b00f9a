/** From the put of one lease to its route, neighbour and FDB entry in another host's kernel; and from its delete to their end. */
import { setTimeout as pause } from 'node:timers/promises';
import { startAgent } from './harness/agent-process.ts';
import type { Bench, Figure, Row } from './harness/figure.ts';
import { withFleet, withHosts } from './harness/fleet.ts';
import { type ChangeWatch, KernelView, watchChanges, whenSettled } from './harness/kernel-view.ts';
import { LARGE_NETWORK, leasePair, makePeers, type Peer } from './harness/peers.ts';
import { median, percentile } from './harness/statistics.ts';
import { putPeers } from './harness/store.ts';

const COUNT = 100;
const QUICK_COUNT = 30;
const MANY = 10_000;
const QUIET_MS = 250;
const PATIENCE_MS = 5_000;
/** Time between two changes: what a fleet at work looks like, and enough that none waits for another. */
const PAUSE_MS = { least: 25, spread: 25 };
/** 0.7 times real flannel's 6.0 ms, 4.4 ms of which were etcd's commit on the machine where it was measured. */
const MOST_MS = 4.2;
/** 0.7 times its 1.6 ms after the commit: the part that is not etcd's, and so the fairer of the two. */
const MOST_AFTER_ACKNOWLEDGED_MS = 1.12;

interface Reaction {
  /** All in milliseconds since the request was sent. */
  readonly acknowledged: number;
  readonly done: number;
}

export const reaction: Figure = {
  name: 'reaction',
  title: 'One lease → route, neighbour and FDB entry, three hosts',
  async measure(bench) {
    const count = bench.quick ? QUICK_COUNT : COUNT;
    const puts: Reaction[] = [];
    const deletes: Reaction[] = [];
    const passMs: number[] = [];
    // Client and agents choose their members by chance, and the leader knows first: several fleets even that out.
    for (let run = 0; run < bench.runs; run += 1) {
      bench.progress(`reaction, fleet ${run + 1} of ${bench.runs}`);
      const reactions = await reactionsOfFleet(bench, Math.ceil(count / bench.runs));
      puts.push(...reactions.puts);
      deletes.push(...reactions.deletes);
      passMs.push(...reactions.passMs);
    }
    const notes = [
      `${puts.length} puts and as many deletes, in ${bench.runs} fleets; ` +
        `the agent's pass (look, compare, write) took ${median(passMs).toFixed(1)} ms of it`,
    ];
    const large = await reactionsAmongMany(bench);
    return { rows: [...rows('put', puts), ...rows('delete', deletes), largeRow(large)], notes };
  },
};

interface Reactions {
  readonly puts: readonly Reaction[];
  readonly deletes: readonly Reaction[];
  /** What the agent says that its passes took, in milliseconds. */
  readonly passMs: readonly number[];
}

function reactionsOfFleet(bench: Bench, count: number): Promise<Reactions> {
  return withFleet(bench, 3, LARGE_NETWORK, async ({ prefix, hosts: [host], agents: [agent] }) => {
    if (host === undefined || agent === undefined) throw new Error('three hosts were asked for');
    const { lease } = bench.store;
    const etcd = bench.store.connect();
    using kernel = new KernelView(host);
    using changes = watchChanges(host);
    const react = async (change: () => Promise<unknown>, isDone: () => boolean): Promise<Reaction> => {
      await pause(PAUSE_MS.least + Math.random() * PAUSE_MS.spread);
      const sentAt = performance.now();
      const request = change().then(() => performance.now() - sentAt);
      const done = (await whenDone(changes, isDone, sentAt)) - sentAt;
      return { acknowledged: await request, done };
    };
    const reactToPeer = async (peer: Peer): Promise<{ readonly put: Reaction; readonly gone: Reaction }> => {
      const { key, value } = leasePair(prefix, peer);
      const put = await react(
        () => etcd.put({ key, value, lease }),
        () => kernel.programmed([peer]) === 1,
      );
      const gone = await react(
        () => etcd.delete({ key }),
        () => kernel.present([peer]) === 0,
      );
      return { put, gone };
    };
    try {
      const [warmUp, ...measured] = makePeers(count + 1);
      if (warmUp !== undefined) await reactToPeer(warmUp);
      const puts: Reaction[] = [];
      const deletes: Reaction[] = [];
      for (const peer of measured) {
        const { put, gone } = await reactToPeer(peer);
        puts.push(put);
        deletes.push(gone);
      }
      return { puts, deletes, passMs: agent.passTimes().slice(-2 * count) };
    } finally {
      etcd.close();
    }
  });
}

/** Puts into a network of many leases, seen by one agent. */
function reactionsAmongMany(bench: Bench): Promise<readonly Reaction[]> {
  return withHosts(bench, 1, LARGE_NETWORK, async (prefix, [host]) => {
    if (host === undefined) throw new Error('one host was asked for');
    const { etcd, lease } = bench.store;
    await putPeers(bench.store, prefix, makePeers(MANY));
    const agent = startAgent({ ...bench, prefix, host });
    using kernel = new KernelView(host);
    using changes = watchChanges(host);
    try {
      await agent.ready;
      await whenSettled(changes, QUIET_MS, () => true);
      const reactions: Reaction[] = [];
      for (const peer of makePeers(QUICK_COUNT, MANY)) {
        const sentAt = performance.now();
        await etcd.put({ ...leasePair(prefix, peer), lease });
        const acknowledged = performance.now() - sentAt;
        const doneAt = await whenSettled(changes, QUIET_MS, () => kernel.programmed([peer]) === 1);
        reactions.push({ acknowledged, done: doneAt - sentAt });
      }
      return reactions;
    } finally {
      await agent.stop();
    }
  });
}

function largeRow(reactions: readonly Reaction[]): Row {
  const done = reactions.map((each) => each.done);
  const acknowledged = median(reactions.map((each) => each.acknowledged));
  const ratio = median(reactions.map((each) => each.done / each.acknowledged));
  return {
    name: `put → kernel among ${MANY} peers, p50`,
    value: median(done),
    unit: 'ms',
    samples: done,
    yardstick: { name: 'put acknowledged', value: acknowledged, ratio },
  };
}

/** When the last change was heard of that made it so. */
async function whenDone(changes: ChangeWatch, isDone: () => boolean, sinceMs: number): Promise<number> {
  const deadline = sinceMs + PATIENCE_MS;
  while (performance.now() < deadline) {
    const heard = await changes.next(PATIENCE_MS);
    if (isDone()) return heard ? changes.lastAt() : performance.now();
  }
  throw new Error(`an agent did not react within ${PATIENCE_MS} ms`);
}

function rows(verb: 'put' | 'delete', reactions: readonly Reaction[]): Row[] {
  const done = reactions.map((each) => each.done);
  const acknowledged = median(reactions.map((each) => each.acknowledged));
  const after = reactions.map((each) => each.done - each.acknowledged);
  const ratio = median(reactions.map((each) => each.done / each.acknowledged));
  const yardstick = { name: `${verb} acknowledged`, value: acknowledged, ratio };
  const isPut = verb === 'put';
  return [
    {
      name: `${verb} → kernel, p50`,
      value: median(done),
      unit: 'ms',
      samples: done,
      yardstick,
      flannel: isPut ? { v0_28: '6.0 ms, 1.36 ×', v0_11: '3.8 ms' } : { v0_28: '3.8 ms', v0_11: '3.6 ms' },
      ...(isPut ? { target: { of: 'value', most: MOST_MS } } : {}),
    },
    {
      name: `${verb} → kernel, p95`,
      value: percentile(done, 0.95),
      unit: 'ms',
      samples: [],
      ...(isPut ? { flannel: { v0_28: '9.7 ms', v0_11: '10 ms' } } : {}),
    },
    {
      name: `${verb} acknowledged → kernel, p50`,
      value: median(after),
      unit: 'ms',
      samples: after,
      ...(isPut
        ? { flannel: { v0_28: '1.6 ms', v0_11: '-' }, target: { of: 'value', most: MOST_AFTER_ACKNOWLEDGED_MS } }
        : {}),
    },
  ];
}
