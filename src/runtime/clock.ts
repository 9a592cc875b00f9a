/**
 * Clock: time and timers as a seam, so that tests and the simulation own the time. It never jumps: setting the wall clock
 * breaks no deadline.
 */
import { TimerQueue } from './timer-queue.ts';

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
  readonly #timers = new TimerQueue();

  constructor(startMs = 0) {
    this.#nowMs = startMs;
  }

  now(): number {
    return this.#nowMs;
  }

  after(delayMs: number, wake: () => void): () => void {
    return this.#timers.add(this.#nowMs + Math.max(delayMs, 0), wake);
  }

  /** When the next timer falls due; undefined when none waits. */
  get nextAt(): number | undefined {
    return this.#timers.first?.at;
  }

  /** Timers that wait. */
  get waiting(): number {
    return this.#timers.size;
  }

  /** Moves time on by `ms`, firing what falls due in order. */
  advance(ms: number): void {
    const end = this.#nowMs + ms;
    for (let first = this.#timers.first; first !== undefined && first.at <= end; first = this.#timers.first) {
      this.#timers.take();
      this.#nowMs = first.at;
      first.wake();
    }
    this.#nowMs = end;
  }
}
