/**
 * Clock: time and timers as a seam, so that tests and the simulation own the time. It never jumps: setting the wall clock
 * breaks no deadline.
 */
export interface Clock {
  /** Milliseconds since some fixed moment. */
  now(): number;
  /** Calls `wake` once after `delayMs`; the function returned cancels it. */
  after(delayMs: number, wake: () => void): () => void;
}

/** Milliseconds since some fixed moment, with fractions. (Node loads `performance` only when it is used: 2 ms at a start.) */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}

const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: monotonicMs,
  after(delayMs, wake) {
    const timer = setTimeout(wake, Math.min(Math.max(delayMs, 0), LONGEST_TIMEOUT_MS));
    return () => clearTimeout(timer);
  },
};

/** A clock that stands still until a test advances it; timers fire in order of their time. */
export class ManualClock implements Clock {
  #nowMs: number;
  #timers: { at: number; wake: () => void }[] = [];

  constructor(startMs = 0) {
    this.#nowMs = startMs;
  }

  now(): number {
    return this.#nowMs;
  }

  after(delayMs: number, wake: () => void): () => void {
    const timer = { at: this.#nowMs + Math.max(delayMs, 0), wake };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Moves time on by `ms`, firing what falls due in order. */
  advance(ms: number): void {
    const end = this.#nowMs + ms;
    for (;;) {
      const due = this.#timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#timers = this.#timers.filter((other) => other !== due);
      this.#nowMs = due.at;
      due.wake();
    }
    this.#nowMs = end;
  }
}
