/**
 * Shrinking: the fewest events of a schedule that still break the same promise (delta debugging, ddmin): halves, then
 * quarters and so on are left out for as long as the failure stays, until no single event can go.
 */
import type { Schedule, SimEvent } from './schedule.ts';

export interface ShrinkResult {
  readonly schedule: Schedule;
  /** How often the schedule was run. */
  readonly runs: number;
}

/** `fails` says whether the schedule still breaks that promise. Ends early, with what it has, after `mostRuns`. */
export async function shrink(
  schedule: Schedule,
  fails: (schedule: Schedule) => Promise<boolean>,
  mostRuns = 2000,
): Promise<ShrinkResult> {
  let runs = 0;
  const stillFails = (events: readonly SimEvent[], hosts = schedule.hosts): Promise<boolean> => {
    runs += 1;
    return fails({ ...schedule, hosts, events });
  };
  let { events } = schedule;
  let pieces = 2;
  while (events.length > 0 && runs < mostRuns) {
    const size = Math.ceil(events.length / pieces);
    const smaller = await firstFailing(events, size, stillFails);
    if (smaller !== undefined) {
      events = smaller;
      pieces = Math.max(2, pieces - 1);
    } else if (size === 1) break;
    else pieces = Math.min(events.length, pieces * 2);
  }
  let { hosts } = schedule;
  while (hosts > 1 && runs < mostRuns && (await stillFails(events, hosts - 1))) hosts -= 1;
  return { schedule: { ...schedule, hosts, events }, runs };
}

/** The events without the first piece that is not needed; undefined when every piece is. */
async function firstFailing(
  events: readonly SimEvent[],
  size: number,
  stillFails: (events: readonly SimEvent[]) => Promise<boolean>,
): Promise<readonly SimEvent[] | undefined> {
  for (let at = 0; at < events.length; at += size) {
    const rest = events.toSpliced(at, size);
    if (await stillFails(rest)) return rest;
  }
  return undefined;
}
