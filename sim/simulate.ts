/** Runs a schedule from its begin to its end or to the first violation. */
import type { Violation } from './invariants.ts';
import { calmDown } from './judge-calm.ts';
import { perform } from './perform.ts';
import { allLeases } from './records.ts';
import type { Schedule } from './schedule.ts';
import { World, type WorldOptions } from './world.ts';

export interface Outcome {
  readonly schedule: Schedule;
  readonly violation: Violation | undefined;
  /** Equal for equal runs. */
  readonly traceHash: string;
  readonly simulatedMs: number;
  /** Moments at which something happened. */
  readonly instants: number;
  readonly performed: Readonly<Record<string, number>>;
  /** Inputs of all cores by type, and writes. */
  readonly counts: Readonly<Record<string, number>>;
  readonly mostWaiting: number;
  readonly leases: number;
  readonly slowestConvergenceS: number;
  readonly withoutSubnet: number;
}

/** The fleet starts within this time. */
const START_SPREAD_MS = 400;

export async function simulate(schedule: Schedule, options: WorldOptions = {}): Promise<Outcome> {
  const world = new World(schedule, options);
  const late = new Set(schedule.events.flatMap((event) => (event.kind === 'join' ? [event.host] : [])));
  for (const host of world.hosts) {
    if (!late.has(host.index)) world.clock.after((host.index * 37) % START_SPREAD_MS, () => world.start(host));
  }
  const performed: Record<string, number> = {};
  let slowestConvergenceS = 0;
  let withoutSubnet = 0;
  for (const event of schedule.events) {
    await world.runUntil(event.at);
    if (world.violation !== undefined) break;
    performed[event.kind] = (performed[event.kind] ?? 0) + 1;
    if (event.kind === 'calm') {
      const calm = await calmDown(world);
      slowestConvergenceS = Math.max(slowestConvergenceS, calm?.convergedAfterS ?? 0);
      withoutSubnet = Math.max(withoutSubnet, calm?.without ?? 0);
    } else {
      perform(world, event);
      await world.settle();
    }
  }
  await world.runUntil(schedule.endMs);
  for (const machine of world.machines) machine.crash();
  return {
    schedule,
    violation: world.violation,
    traceHash: world.traceHash(),
    simulatedMs: world.elapsedMs,
    instants: world.instants,
    performed,
    counts: Object.fromEntries(world.judge.counts),
    mostWaiting: world.judge.mostWaiting,
    leases: allLeases(world.etcd).size,
    slowestConvergenceS,
    withoutSubnet,
  };
}
