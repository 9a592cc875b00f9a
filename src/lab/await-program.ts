/** What the lab waits for when it has started a program: ready, ended, called off or too late. */
import { readFileSync } from 'node:fs';

const LOG_TAIL_LINES = 6;

export interface Patience {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

/** `ready`, or why it is not. */
export async function firstOf(ready: Promise<void>, ended: Promise<string>, patience: Patience): Promise<string> {
  const { signal, timeoutMs } = patience;
  const { promise, resolve } = Promise.withResolvers<string>();
  const onAbort = (): void => resolve('interrupted');
  const timer = setTimeout(() => resolve(`it was not ready after ${timeoutMs / 1000} s`), timeoutMs);
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort);
  try {
    return await Promise.race([promise, ready.then(() => 'ready'), ended.then((how) => `it ended with ${how}`)]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}

/** The end of a log, a line each. */
export function logTail(file: string): readonly string[] {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-LOG_TAIL_LINES);
  } catch {
    return [];
  }
}
