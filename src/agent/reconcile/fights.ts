/**
 * Fights: an object that another program changes back again and again. It is named once, and from then on put right ever more
 * seldom, it alone; everything else is still repaired at once. Pure but for the Map that it changes in place.
 */

/** More repairs than this within the window are a fight. */
const MOST_REPAIRS = 10;
const WINDOW_MS = 60_000;
const FIRST_HOLD_MS = 1000;
const LONGEST_HOLD_MS = 60_000;
/** After this long without a repair it is forgotten. Longer than the longest hold, or no fight would last. */
const CALM_MS = 180_000;
/** Objects remembered; of more, those that were put right longest ago are forgotten. */
const MOST_REMEMBERED = 1000;
const MOST_CAUSERS = 5;

interface Contested {
  /** Of the repairs that count, oldest first. */
  times: number[];
  readonly causers: Set<string>;
  /** How long it is left alone after the next repair; 0: it is no fight. */
  holdMs: number;
  heldUntil: number;
  /** A pass has found it wrong while it was held. */
  waiting: boolean;
}

export type Fights = Map<string, Contested>;

export interface NewFight {
  readonly object: string;
  readonly causers: readonly string[];
}

/** The name of all objects of a kind, when a whole lot is put right at once. */
export function manyOf(plural: string): string {
  return `all ${plural}`;
}

/** Counts one repair of each object; returns those that have become a fight by it. */
export function noteRepairs(
  fights: Fights,
  objects: readonly string[],
  causers: readonly string[],
  now: number,
): readonly NewFight[] {
  const begun: NewFight[] = [];
  for (const object of objects) {
    const known = fights.get(object);
    const entry = known ?? { times: [], causers: new Set(), holdMs: 0, heldUntil: 0, waiting: false };
    // The newest at the end: the first is the one to be forgotten.
    fights.delete(object);
    fights.set(object, entry);
    entry.times = [...entry.times.filter((time) => now - time < WINDOW_MS), now].slice(-MOST_REPAIRS - 1);
    entry.waiting = false;
    for (const causer of causers) if (entry.causers.size < MOST_CAUSERS) entry.causers.add(causer);
    if (entry.holdMs === 0 && entry.times.length <= MOST_REPAIRS) continue;
    if (entry.holdMs === 0) begun.push({ object, causers: [...entry.causers] });
    entry.holdMs = entry.holdMs === 0 ? FIRST_HOLD_MS : Math.min(entry.holdMs * 2, LONGEST_HOLD_MS);
    entry.heldUntil = now + entry.holdMs;
  }
  return begun;
}

export function isHeld(fights: Fights, object: string, now: number): boolean {
  return (fights.get(object)?.heldUntil ?? 0) > now;
}

/** The object was found wrong and left alone. */
export function noteHeld(fights: Fights, objects: readonly string[]): void {
  for (const object of objects) {
    const entry = fights.get(object);
    if (entry !== undefined) entry.waiting = true;
  }
}

/** When the first of those that are left alone is due again; Infinity: none. */
export function nextHoldEnd(fights: Fights): number {
  let next = Number.POSITIVE_INFINITY;
  for (const { waiting, heldUntil } of fights.values()) if (waiting) next = Math.min(next, heldUntil);
  return next;
}

/** Whether one of them is due again; it is no longer waited for, whether it still is wrong or not. */
export function endHolds(fights: Fights, now: number): boolean {
  let ended = false;
  for (const entry of fights.values()) {
    if (!entry.waiting || entry.heldUntil > now) continue;
    entry.waiting = false;
    ended = true;
  }
  return ended;
}

/** Objects that are fought over now. */
export function fightsUnderWay(fights: Fights): readonly string[] {
  return [...fights].filter(([, { holdMs }]) => holdMs > 0).map(([object]) => object);
}

/** Returns the fights that are over. */
export function forgetOld(fights: Fights, now: number): readonly string[] {
  const over: string[] = [];
  for (const [object, { times, holdMs, waiting }] of fights) {
    const isCalm = !waiting && now - (times.at(-1) ?? 0) > CALM_MS;
    if (!isCalm && fights.size <= MOST_REMEMBERED) continue;
    fights.delete(object);
    if (holdMs > 0) over.push(object);
  }
  return over;
}
