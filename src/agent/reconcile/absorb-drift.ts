/** Drift that was put right: counted, told in one line, and watched for fights. Firewall rules and the kernel's tables alike. */
import { countRepairs, type Drift } from './drift.ts';
import { forgetOld, noteRepairs } from './fights.ts';
import type { Action } from './input.ts';
import type { CoreState } from './state.ts';

const UNANNOUNCED = 'the sweep: no event announced it';
/** Of one kind of words in a line. */
const MOST_WORDS = 12;
const MOST_CAUSERS = 3;

export interface Repair extends Drift {
  readonly durationMs: number | undefined;
  readonly failed: number;
  /** Who did it, as far as is known. */
  readonly causers: readonly string[];
  /** Found by a sweep, and nothing announced it. */
  readonly bySweep: boolean;
}

export function absorbRepair(state: CoreState, repair: Repair, now: number, actions: Action[]): void {
  const count = countRepairs(state.drift, repair.repaired);
  if (repair.bySweep) state.drift.foundBySweep += count;
  const by = repair.bySweep ? UNANNOUNCED : repair.causers.slice(0, MOST_CAUSERS).join(', ');
  const fields = {
    ...(repair.devices.length === 0 ? {} : { device: bounded(repair.devices) }),
    found: bounded(repair.found),
    done: bounded(repair.done),
    by: by === '' ? 'unknown' : by,
    ...(repair.failed === 0 ? {} : { failed: repair.failed }),
    ...(repair.durationMs === undefined ? {} : { ms: Math.round(repair.durationMs * 10) / 10 }),
  };
  actions.push({ type: 'log', level: 'warn', message: 'drift repaired', fields });
  for (const { object, causers } of noteRepairs(state.fights, repair.objects, repair.causers, now)) {
    state.drift.fights += 1;
    const who = causers.length === 0 ? 'unknown' : causers.join(', ');
    const remedy =
      'find the program that changes it and tell it to leave it alone; until then it is put right ever more seldom';
    actions.push({ type: 'log', level: 'error', message: 'fight', fields: { object, by: who, remedy } });
  }
}

/** Says which fights are over. */
export function absorbCalm(state: CoreState, now: number, actions: Action[]): void {
  for (const object of forgetOld(state.fights, now)) {
    actions.push({ type: 'log', level: 'info', message: 'fight over', fields: { object } });
  }
}

function bounded(words: readonly string[]): string {
  const more = words.length - MOST_WORDS;
  return words.slice(0, MOST_WORDS).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
