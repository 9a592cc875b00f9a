/** Effort: one thing that is tried until it works, with a pause after each failure that doubles up to a limit. */
import type { Fault } from '#runtime/fault.ts';

export interface Effort {
  running: boolean;
  /** Time in milliseconds before which it is not tried again. */
  notBefore: number;
  failures: number;
  /** Why it failed last, and when it failed first; undefined while it works. */
  trouble: { readonly fault: Fault; readonly since: number } | undefined;
}

export interface Pause {
  readonly firstMs: number;
  readonly mostMs: number;
}

export function newEffort(): Effort {
  return { running: false, notBefore: 0, failures: 0, trouble: undefined };
}

export function isDue(effort: Effort, now: number): boolean {
  return !effort.running && effort.notBefore <= now;
}

export function succeeded(effort: Effort): void {
  effort.running = false;
  effort.failures = 0;
  effort.notBefore = 0;
  effort.trouble = undefined;
}

/** `spread` is this agent's own fraction from 0 to 1: a fleet that failed together does not retry together. */
export function failed(effort: Effort, now: number, pause: Pause, spread: number, fault: Fault): void {
  const wait = Math.min(pause.firstMs * 2 ** effort.failures, pause.mostMs);
  effort.running = false;
  effort.failures += 1;
  effort.trouble = { fault, since: effort.trouble?.since ?? now };
  effort.notBefore = now + wait * (0.75 + spread / 2);
}
