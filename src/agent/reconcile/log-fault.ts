/** A fault in the log: the same trouble again is said once a minute, in between only to those who want every detail. */
import type { Fault } from '#runtime/fault.ts';
import type { Action } from './input.ts';
import type { CoreState } from './state.ts';

const REPEAT_MS = 60_000;

export function logFault(state: CoreState, now: number, actions: Action[], fault: Fault, message: string): void {
  state.lastFault = fault.summary;
  const before = state.troubles.get(message);
  const repeated = before?.code === fault.code && now - before.at < REPEAT_MS;
  if (!repeated) state.troubles.set(message, { code: fault.code, at: now });
  const fields = { code: fault.code, why: fault.summary, remedy: fault.remedy };
  actions.push({ type: 'log', level: repeated ? 'debug' : 'error', message, fields });
}
