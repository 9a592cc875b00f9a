/**
 * The core: everything the agent decides, without doing any of it. An input is absorbed into what is known; then fixed
 * rules look at all that is known and ask for what is missing. The rules are level-triggered: no step depends on
 * having seen the one before it, so a lost lease, a restart and a first start go the same way.
 */
import { absorb } from './absorb.ts';
import { countInput } from './counters.ts';
import { decide } from './decide.ts';
import type { Action, Input } from './input.ts';
import type { CoreState } from './state.ts';
import { statusOf } from './status.ts';

export interface Decision {
  readonly actions: readonly Action[];
  /** When to be called again with `wake` if nothing else comes; Infinity: never. */
  readonly wakeAt: number;
}

/** `now` in milliseconds of a clock that never jumps. Changes `state` in place. */
export function handle(state: CoreState, input: Input, now: number): Decision {
  const actions: Action[] = [];
  countInput(state.counters, input);
  absorb(state, input, now, actions);
  const wakeAt = decide(state, now, actions);
  const status = statusOf(state);
  if (status !== state.status) {
    state.status = status;
    actions.push({ type: 'status', status });
  }
  return { actions, wakeAt };
}
