/** Relief: memory is given back after a large piece of work, once it is quiet. */
import type { Clock } from '#runtime/clock.ts';

const QUIET_BEFORE_RELIEF_MS = 1000;

export class Relief {
  readonly #clock: Clock;
  readonly #relieve: () => void;
  #cancel = (): void => undefined;
  #workedAt = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, relieve: () => void) {
    this.#clock = clock;
    this.#relieve = relieve;
  }

  /** Something had to be done just now. */
  worked(): void {
    this.#workedAt = this.#clock.now();
  }

  /** Relieves once it has been quiet for a second. */
  soon(): void {
    this.#cancel();
    this.#cancel = this.#clock.after(QUIET_BEFORE_RELIEF_MS, () => {
      // Collecting takes as long as many passes: never in the middle of a burst.
      if (this.#clock.now() - this.#workedAt < QUIET_BEFORE_RELIEF_MS) this.soon();
      else this.#relieve();
    });
  }

  stop(): void {
    this.#cancel();
  }
}
