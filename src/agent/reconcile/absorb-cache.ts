/** What reading and writing the cache came to. Nothing of it ever stops the agent. */
import type { AgentCache } from '#agent/cache/agent-cache.ts';
import type { Fault } from '#runtime/fault.ts';
import { SAVE_PAUSE } from './cache-state.ts';
import { failed, succeeded } from './effort.ts';
import type { Action } from './input.ts';
import type { CoreState } from './state.ts';

export type CacheInput =
  | { readonly type: 'cache-read'; readonly found: AgentCache | undefined }
  | { readonly type: 'cache-refused'; readonly fault: Fault }
  | { readonly type: 'cache-saved' }
  | { readonly type: 'cache-not-saved'; readonly fault: Fault };

export function absorbCache({ cache, settings }: CoreState, input: CacheInput, now: number, actions: Action[]): void {
  switch (input.type) {
    case 'cache-read':
      cache.reading = 'done';
      cache.found = input.found;
      break;
    case 'cache-refused':
      cache.reading = 'done';
      refuseCache(input.fault, actions);
      break;
    case 'cache-saved':
      succeeded(cache.save);
      if (cache.trouble !== undefined) actions.push({ type: 'log', level: 'info', message: 'cache written again' });
      cache.trouble = undefined;
      break;
    case 'cache-not-saved':
      failed(cache.save, now, SAVE_PAUSE, settings.spread, input.fault);
      // What it should have had is still to be written, whether or not more comes.
      cache.savedVersion = cache.version - 1;
      if (cache.trouble !== input.fault.summary) {
        actions.push(faultLine('cache not written; a start without the store would go by the one before', input.fault));
      }
      cache.trouble = input.fault.summary;
      break;
  }
}

export function refuseCache(fault: Fault, actions: Action[]): void {
  actions.push(faultLine('cache not used', fault));
}

function faultLine(message: string, { code, summary, remedy }: Fault): Action {
  return { type: 'log', level: 'warn', message, fields: { code, why: summary, remedy } };
}
