/** Which faults come, in which order, and with which chance of its own each: the same for the same seed. Pure. */
import { type Random, seededRandom } from './random.ts';

export interface Step<Kind> {
  /** From 1. */
  readonly number: number;
  readonly fault: Kind;
  /** Chooses host, member and duration: how long earlier steps took does not matter to it. */
  readonly random: Random;
}

/** Rounds without end, each with every fault once in an order of its own. */
export function* schedule<Kind>(faults: readonly Kind[], seed: number): Generator<Step<Kind>, never, undefined> {
  if (faults.length === 0) throw new RangeError('a schedule without faults');
  const order = seededRandom(seed);
  for (let number = 1; ; ) {
    for (const fault of order.shuffle(faults)) {
      yield { number, fault, random: seededRandom(Math.imul(seed, 0x10001) + number) };
      number += 1;
    }
  }
}
