/** N agents started at the same instant in a network that has exactly N subnets: everybody gets one, nobody dies. */
import { type AgentProcess, forgetSubnet, startAgent } from './harness/agent-process.ts';
import type { Bench, Figure, Row } from './harness/figure.ts';
import { leasesOf, withHosts } from './harness/fleet.ts';
import { forgetDevice } from './harness/hosts.ts';
import { measurePaired, pairedFigures } from './harness/pairing.ts';
import { etcdPutMs } from './harness/yardsticks.ts';

const SIZES = [3, 10, 30] as const;
const FLANNEL: Record<(typeof SIZES)[number], { readonly v0_28: string; readonly v0_11: string }> = {
  3: { v0_28: '17 %', v0_11: '0 %' },
  10: { v0_28: '32 %', v0_11: '0 %' },
  30: { v0_28: '34 %', v0_11: '0 %' },
};

export const thundering: Figure = {
  name: 'thundering',
  title: 'N agents started at the same instant, exactly N subnets',
  async measure(bench) {
    const rows: Row[] = [];
    const notes: string[] = [];
    for (const size of SIZES) {
      const failures: string[] = [];
      const pairs = await measurePaired(
        bench.runs,
        () => etcdPutMs(bench.store),
        async (run) => {
          bench.progress(`${size} agents, run ${run + 1} of ${bench.runs}`);
          const round = await oneRound(bench, size);
          failures.push(...round.failures);
          return round.lastReadyMs;
        },
      );
      rows.push({
        ...pairedFigures('etcd put', pairs),
        name: `${size} agents, last one READY`,
        unit: 'ms',
        ...(size === 30 ? { flannel: { v0_28: '2400 ms', v0_11: '2100 ms' } } : {}),
      });
      rows.push({
        name: `${size} agents, failed starts`,
        value: (100 * failures.length) / (size * bench.runs),
        unit: '%',
        samples: [],
        target: { of: 'value', most: 0 },
        flannel: FLANNEL[size],
      });
      notes.push(...failures);
    }
    return { rows, notes };
  },
};

interface Round {
  readonly lastReadyMs: number;
  /** A line for each agent that did not get a lease of its own, or ended. */
  readonly failures: readonly string[];
}

function oneRound(bench: Bench, size: number): Promise<Round> {
  const config = {
    Network: '10.128.0.0/16',
    SubnetLen: 24,
    SubnetMin: '10.128.1.0',
    SubnetMax: `10.128.${size}.0`,
    Backend: { Type: 'vxlan' },
  };
  return withHosts(bench, size, config, async (prefix, hosts) => {
    const agents: AgentProcess[] = hosts.map((host) => startAgent({ ...bench, prefix, host }));
    try {
      const outcomes = await Promise.allSettled(agents.map(({ ready }) => ready));
      const failures = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [String(outcome.reason)] : []));
      const leases = await leasesOf(bench.store, prefix, hosts);
      for (const [at, host] of hosts.entries()) {
        const own = leases.filter((lease) => lease.host === host);
        if (own.length !== 1) failures.push(`${host.namespace} has ${own.length} leases`);
        if (agents[at]?.running() !== true) failures.push(`the agent of ${host.namespace} has ended`);
      }
      const times = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
      return { lastReadyMs: Math.max(...times), failures };
    } finally {
      await Promise.all(agents.map((agent) => agent.stop()));
      for (const host of hosts) forgetSubnet(host);
      await Promise.all(hosts.map(({ namespace }) => forgetDevice(namespace)));
    }
  });
}
