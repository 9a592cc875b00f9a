/** Our key is free: nothing stands in the way of writing it, whatever pause is kept, or begins with a try that is under way. */
import type { CoreState } from './state.ts';

/** `now` in milliseconds of the core's clock. */
export function claimNow(state: CoreState, now: number): void {
  state.contested = 'freed';
  state.renewAt = now;
  state.renew.notBefore = 0;
}
