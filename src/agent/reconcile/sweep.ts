/** The slow sweep: now and then everything is looked at afresh, for what no event announced. */
import { isDue } from './effort.ts';
import type { CoreState } from './state.ts';

/** A sweep takes at most this share of the time. */
const PERIODS_PER_DURATION = 1000;

export interface Sweep {
  /** When the next one is due; Infinity: never. */
  dueAt: number;
  /** The pass under way, or about to be, is one; `unannounced`: and nothing else was a reason for it. */
  running: 'no' | 'announced' | 'unannounced';
}

export function newSweep(): Sweep {
  return { dueAt: Number.POSITIVE_INFINITY, running: 'no' };
}

/** Rule of decide.ts: begins one when it is due. The first is due a period after the fabric stands. */
export function nextSweep(state: CoreState, now: number): void {
  const { sweep, settings } = state;
  if (settings.sweepMs === 0 || !state.ready || sweep.running !== 'no') return;
  if (sweep.dueAt === Number.POSITIVE_INFINITY) plan(state, now, 0);
  // A pass under way is none: it may trust its memory.
  if (sweep.dueAt > now || !isDue(state.pass, now)) return;
  sweep.running = state.dirty ? 'announced' : 'unannounced';
  state.dirty = true;
}

/** A pass that looked at everything afresh is through. */
export function endSweep(state: CoreState, now: number, durationMs: number): void {
  if (state.sweep.running === 'no') return;
  state.sweep.running = 'no';
  state.drift.sweeps += 1;
  plan(state, now, durationMs);
}

/** Spread over the fleet, so that it does not sweep in step. */
function plan({ sweep, settings }: CoreState, now: number, durationMs: number): void {
  const period = Math.max(settings.sweepMs, durationMs * PERIODS_PER_DURATION);
  sweep.dueAt = now + period * (0.9 + settings.spread / 5);
}
