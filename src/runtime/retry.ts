/** Retry with growing, jittered pauses and a stated end. */
import { type Clock, systemClock } from './clock.ts';

export interface RetryOptions {
  /** Attempts in all, the first one included; at least 1. */
  readonly attempts: number;
  /** Longest pause before the second attempt in milliseconds; it doubles with every further one. */
  readonly firstPauseMs: number;
  /** No pause is longer. */
  readonly longestPauseMs: number;
  /** Whether another attempt can help; an error that it refuses is thrown at once. Default: always. */
  readonly worthwhile?: (error: unknown) => boolean;
  readonly clock?: Clock;
  /** Uniform in [0, 1). */
  readonly random?: () => number;
}

/**
 * Calls `work` until it succeeds; throws its last error when the attempts are used up. A pause is chosen between half of
 * its length and the whole, so that those who failed together do not come back together.
 */
export async function retry<Result>(
  work: (attempt: number) => Promise<Result>,
  options: RetryOptions,
): Promise<Result> {
  const { attempts, clock = systemClock, worthwhile = () => true } = options;
  for (let attempt = 1; ; attempt++) {
    try {
      return await work(attempt);
    } catch (error) {
      if (attempt >= attempts || !worthwhile(error)) throw error;
    }
    await new Promise<void>((resolve) => clock.after(pauseMs(attempt, options), resolve));
  }
}

function pauseMs(attempt: number, options: RetryOptions): number {
  const longest = Math.min(options.firstPauseMs * 2 ** (attempt - 1), options.longestPauseMs);
  return longest * (0.5 + (options.random ?? Math.random)() / 2);
}
