/** What is told of a run: a table, JSON, or the shortest way to break a promise. */
import { INVARIANTS, type Violation } from './invariants.ts';
import { eventText, type Schedule } from './schedule.ts';
import type { Outcome } from './simulate.ts';
import { thoroughness } from './world.ts';

export function outcomeTable(outcome: Outcome, wallSeconds: number): string {
  const { schedule, performed, counts, slowestConvergenceS } = outcome;
  const { withCache, sweepMs } = thoroughness(schedule.hosts);
  const kinds = Object.entries(performed).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const rows: readonly (readonly [string, string | number])[] = [
    ['hosts', schedule.hosts],
    ['subnets in the network', schedule.subnets],
    ['caches of the agents', withCache ? 'on' : 'OFF: the fleet is too large'],
    ['sweeps of the agents', `every ${sweepMs / 60_000} min`],
    ['promises held', Object.keys(INVARIANTS).length],
    ['simulated hours', (outcome.simulatedMs / 3_600_000).toFixed(1)],
    ...kinds.map(([kind, count]) => [`event: ${kind}`, count] as const),
    ['leases at the end', outcome.leases],
    ['leases acquired', counts['acquired'] ?? 0],
    ['renewals', counts['renewed'] ?? 0],
    ['older leases of a host looked into', counts['twin-done'] ?? 0],
    ['events of etcd heard', counts['leases'] ?? 0],
    ['passes over a kernel', counts['passed'] ?? 0],
    ['writes to kernels', counts['kernel writes'] ?? 0],
    ['longest queue of inputs', outcome.mostWaiting],
    ['slowest convergence after a calm', `at most ${slowestConvergenceS} s`],
    ['hosts without a subnet, at most', outcome.withoutSubnet],
    ['moments', outcome.instants],
    ['wall seconds', wallSeconds.toFixed(1)],
    ['processor seconds', (process.cpuUsage().user / 1e6).toFixed(1)],
    ['most memory, MB', Math.round(process.resourceUsage().maxRSS / 1024)],
    ['trace', outcome.traceHash],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  const lines = rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`);
  return [`seed ${schedule.seed}: no promise was broken`, ...lines, ''].join('\n');
}

export function outcomeJson(outcome: Outcome, wallSeconds: number): string {
  const { schedule, ...rest } = outcome;
  const { seed, hosts, subnets, endMs } = schedule;
  return `${JSON.stringify({ seed, hosts, subnets, hours: endMs / 3_600_000, wallSeconds, ...rest })}\n`;
}

/** Every line that somebody needs who has never seen the simulation. */
export function violationText(violation: Violation, schedule: Schedule, replay: string): string {
  const { invariant, at, what } = violation;
  return [
    `seed ${schedule.seed}: broken promise "${invariant}": ${INVARIANTS[invariant]}`,
    `  ${(at / 1000).toFixed(3)} s after the beginning: ${what}`,
    `  ${schedule.hosts} hosts, ${schedule.subnets} subnets, ${schedule.events.length} events:`,
    ...schedule.events.map((event, index) => eventText(event, index)),
    `replay: ${replay}`,
    '',
  ].join('\n');
}
