/** Slots 0 … count-1 of which some are occupied: counts the free ones and picks one, by gaps, never slot by slot. */

/** First and last slot, inclusive; may reach over the ends and overlap others. */
export type SlotInterval = readonly [first: number, last: number];

export interface FreeSlots {
  readonly free: number;
  /** The free slot of that rank, 0 the lowest. */
  readonly at: (rank: number) => number;
}

/** O(n log n) in the number of intervals, whatever the number of slots (up to 2^53). */
export function freeSlots(count: number, occupied: readonly SlotInterval[]): FreeSlots {
  const sorted = occupied.filter(([first, last]) => last >= 0 && first < count).sort((a, b) => a[0] - b[0]);
  const gaps: { readonly first: number; readonly length: number }[] = [];
  let next = 0;
  let free = 0;
  for (const [first, last] of [...sorted, [count, count] as const]) {
    if (first > next) {
      gaps.push({ first: next, length: first - next });
      free += first - next;
    }
    next = Math.max(next, last + 1);
  }
  return {
    free,
    at(rank) {
      let left = rank;
      for (const gap of gaps) {
        if (left < gap.length) return gap.first + left;
        left -= gap.length;
      }
      throw new RangeError(`no free slot of rank ${rank}`);
    },
  };
}
