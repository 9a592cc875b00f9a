/** Pauses between attempts: doubling from 50 ms to 5 s, each shortened at random so that many clients do not agree. */
const SHORTEST_MS = 50;
const LONGEST_MS = 5_000;

export class Backoff {
  #attempts = 0;
  readonly #random: () => number;

  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /** The pause before the next attempt: between half of the step and the whole. */
  next(): number {
    const step = Math.min(SHORTEST_MS * 2 ** Math.min(this.#attempts++, 10), LONGEST_MS);
    return step * (0.5 + this.#random() / 2);
  }

  /** It went well: start again with the shortest. */
  reset(): void {
    this.#attempts = 0;
  }
}
