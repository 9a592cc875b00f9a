/** From the damage to an object of the fabric to its repair, each kind; and what is written while nobody does any damage. */
import { setTimeout as pause } from 'node:timers/promises';
import { NetlinkKernel } from '#agent/kernel/netlink-kernel.ts';
import type { Ownership } from '#agent/kernel/ownership.ts';
import type { Observed, Operation } from '#agent/kernel/state.ts';
import { prefixEnd } from '#etcd/api.ts';
import { watchNftables } from '#firewall/events.ts';
import { enterNamespace } from '#hosts/namespace.ts';
import { parseCidr } from '#model/ip.ts';
import { mustRun } from '#runtime/command.ts';
import { startAgent } from './harness/agent-process.ts';
import type { Bench, Figure, Row } from './harness/figure.ts';
import { withFleet, withHosts } from './harness/fleet.ts';
import type { BenchHost } from './harness/hosts.ts';
import { watchChanges } from './harness/kernel-view.ts';
import { LARGE_NETWORK, makePeers } from './harness/peers.ts';
import { median, percentile } from './harness/statistics.ts';
import { putPeers } from './harness/store.ts';

const DEVICE = 'flannel.1';
const PEERS = 20;
/** More than ten repairs of one object within a minute are a fight: each agent sees each object damaged eight times at most. */
const REPETITIONS_PER_AGENT = 2;
const AGENTS = 10;
const QUICK_AGENTS = 2;
const POLL_MS = 1;
const PATIENCE_MS = 15_000;
/** Between two repairs, so that each begins at rest. */
const PAUSE_MS = 60;
const REST_MS = 60_000;
const QUICK_REST_MS = 15_000;
const SETTLE_MS = 5_000;
const MOST_P95_MS = 200;

const OWN: Ownership = {
  devices: [DEVICE],
  underlay: 'eth0',
  underlayRoutes: 'ours',
  networks: [
    { network: parseCidr(LARGE_NETWORK.Network) ?? fail('the network'), subnetLength: LARGE_NETWORK.SubnetLen },
  ],
  blackholes: false,
  hostRoutes: false,
  sysctls: ['net/ipv4/ip_forward', `net/ipv4/conf/${DEVICE}/forwarding`],
};

/** What is done to the kernel, from what stands there. */
const DAMAGES: Readonly<Record<string, (observed: Observed, repetition: number) => readonly Operation[]>> = {
  'device deleted': () => [{ type: 'device-delete', name: DEVICE, why: 'bench' }],
  'MAC changed': () => [{ type: 'device-set', name: DEVICE, mac: '02:00:00:00:00:77' }],
  'MTU changed': () => [{ type: 'device-set', name: DEVICE, mtu: 1300 }],
  'device set down': () => [{ type: 'device-set', name: DEVICE, up: false }],
  'address deleted': ({ ownAddresses }) => ownAddresses.map((entry) => ({ type: 'address-delete', entry })),
  'route deleted': ({ routes }, repetition) =>
    some(routes, repetition).map((entry) => ({ type: 'route-delete', entry })),
  'all routes flushed': ({ routes }) => routes.map((entry) => ({ type: 'route-delete', entry })),
  'neighbor deleted': ({ neighbors }, repetition) =>
    some(neighbors, repetition).map((entry) => ({ type: 'neighbor-delete', entry })),
  'FDB entry deleted': ({ fdb }, repetition) => some(fdb, repetition).map((entry) => ({ type: 'fdb-delete', entry })),
  'forwarding off': () => [{ type: 'sysctl-set', name: 'net/ipv4/ip_forward', value: '0', found: '1' }],
};
const RULES = 'chain flushed';
const RULES_ALL = 'ruleset flushed';

export const heal: Figure = {
  name: 'heal',
  title: `Damage → healed, ${PEERS} peers, and rest`,
  async measure(bench) {
    const agents = bench.quick ? QUICK_AGENTS : AGENTS;
    const times = new Map<string, number[]>();
    const note = (kind: string, ms: number): void => void times.set(kind, [...(times.get(kind) ?? []), ms]);
    for (let agent = 0; agent < agents; agent += 1) {
      bench.progress(`heal, agent ${agent + 1} of ${agents}`);
      await damageOne(bench, agent * REPETITIONS_PER_AGENT, note);
    }
    const rest = await measureRest(bench);
    const rows = [...times].flatMap(([kind, samples]) => healRows(kind, samples));
    return { rows: [...rows, ...rest], notes: [`${agents * REPETITIONS_PER_AGENT} repetitions of each kind`] };
  },
};

/** Each kind of damage some times, on a host of its own. */
function damageOne(bench: Bench, first: number, note: (kind: string, ms: number) => void): Promise<void> {
  return withHosts(bench, 1, LARGE_NETWORK, async (prefix, [host]) => {
    if (host === undefined) throw new Error('one host was asked for');
    await putPeers(bench.store, prefix, makePeers(PEERS));
    const agent = startAgent({ ...bench, prefix, host });
    try {
      await agent.ready;
      await settled(host);
      for (let repetition = first; repetition < first + REPETITIONS_PER_AGENT; repetition += 1) {
        for (const [kind, damage] of Object.entries(DAMAGES)) note(kind, await healKernel(host, damage, repetition));
        note(RULES, await healRules(host, ['iptables', '-F', 'FLANNEL-FWD']));
        note(RULES_ALL, await healRules(host, ['nft', 'flush', 'ruleset']));
      }
    } finally {
      await agent.stop();
    }
  });
}

async function healKernel(
  host: BenchHost,
  damage: (observed: Observed, repetition: number) => readonly Operation[],
  repetition: number,
): Promise<number> {
  const kernel = new NetlinkKernel(host.path);
  using changes = watchChanges(host);
  try {
    const before = kernel.observe(OWN);
    const wanted = stateText(before);
    const operations = damage(before, repetition);
    // The agent hears of it before the kernel is through with it.
    const sinceMs = performance.now();
    const { failed } = kernel.apply(operations);
    if (failed[0] !== undefined) throw failed[0].fault;
    while (performance.now() < sinceMs + PATIENCE_MS) {
      await changes.next(POLL_MS);
      if (stateText(kernel.observe(OWN)) !== wanted) continue;
      const ms = performance.now() - sinceMs;
      await pause(PAUSE_MS);
      return ms;
    }
    throw new Error(`an agent has not healed its kernel after ${PATIENCE_MS} ms`);
  } finally {
    kernel.close();
  }
}

/** From the end of the program that did it to the last of the kernel's words about the repair, which is then looked at. */
async function healRules(host: BenchHost, argv: readonly string[]): Promise<number> {
  const before = await rulesText(host);
  let heardAt = 0;
  const stop = watchNftables(() => {
    heardAt = performance.now();
  }, host.path);
  try {
    await mustRun({ argv: enterNamespace(host.namespace, argv), why: 'damage the rules' });
    const sinceMs = performance.now();
    while (performance.now() < sinceMs + PATIENCE_MS) {
      const last = heardAt;
      await pause(PAUSE_MS);
      if (heardAt !== last || heardAt < sinceMs || (await rulesText(host)) !== before) continue;
      return heardAt - sinceMs;
    }
    throw new Error(`an agent has not healed its rules after ${PATIENCE_MS} ms`);
  } finally {
    stop();
  }
}

/** The agent makes the rules after it is ready. */
async function settled(host: BenchHost): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!/-A FORWARD .*-j FLANNEL-FWD/.test(await rulesText(host))) {
    if (performance.now() > deadline) throw new Error(`an agent has not made its rules after ${PATIENCE_MS} ms`);
    await pause(PAUSE_MS);
  }
  await pause(SETTLE_MS / 10);
}

async function rulesText({ namespace }: BenchHost): Promise<string> {
  const { stdout } = await mustRun({ argv: enterNamespace(namespace, ['iptables-save']), why: 'look at the rules' });
  return stdout.replaceAll(/^#.*\n|\[\d+:\d+\]/gm, '');
}

/** Changes in the kernel of three hosts and in etcd while nothing happens, told per hour. */
function measureRest(bench: Bench): Promise<readonly Row[]> {
  return withFleet(bench, 3, LARGE_NETWORK, async ({ prefix, hosts }) => {
    await pause(SETTLE_MS);
    const restMs = bench.quick ? QUICK_REST_MS : REST_MS;
    bench.progress(`resting for ${restMs / 1000} s`);
    let changes = 0;
    // Only what is the fabric's: to whom the host itself talks, ARP says every now and then.
    const stops = hosts.flatMap(({ path }) => {
      const kernel = new NetlinkKernel(path);
      kernel.observe(OWN);
      const end = kernel.watch(
        () => OWN,
        () => (changes += 1),
      );
      return [end, () => kernel.close(), watchNftables(() => (changes += 1), path)];
    });
    const range = { key: `${prefix}/`, rangeEnd: prefixEnd(`${prefix}/`) };
    const before = await bench.store.etcd.range(range);
    await pause(restMs);
    const after = await bench.store.etcd.range(range);
    for (const stop of stops) stop();
    const perHour = 3_600_000 / restMs;
    const row = (name: string, count: number): Row => ({
      name: `${name} at rest, ${restMs / 1000} s, per hour`,
      value: count * perHour,
      unit: '',
      samples: [],
      target: { of: 'value', most: 0 },
    });
    return [row('kernel changes', changes), row('etcd writes', after.revision - before.revision)];
  });
}

function healRows(kind: string, samples: readonly number[]): Row[] {
  const p95 = percentile(samples, 0.95);
  return [
    { name: `${kind}, p50`, value: median(samples), unit: 'ms', samples },
    { name: `${kind}, p95`, value: p95, unit: 'ms', samples: [], target: { of: 'value', most: MOST_P95_MS } },
  ];
}

/** All that must be as before, in an order of its own. */
function stateText({ links, ownAddresses, neighbors, fdb, routes, sysctls = [] }: Observed): string {
  const device = links.filter(({ name }) => name === DEVICE).map(({ mac, mtu, up }) => ({ mac, mtu, up }));
  const entries = [device, ownAddresses, neighbors, fdb, routes, sysctls];
  return entries
    .map((list) =>
      list
        .map((entry) => JSON.stringify(entry))
        .sort()
        .join('\n'),
    )
    .join('\n');
}

/** Another one each time. */
function some<Entry>(entries: readonly Entry[], repetition: number): readonly Entry[] {
  const entry = entries[repetition % entries.length];
  return entry === undefined ? [] : [entry];
}

function fail(what: string): never {
  throw new Error(`${what} cannot be read`);
}
