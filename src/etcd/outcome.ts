/** How a call on one member ended, and what that means for trying another. */
import type { Fault } from '#runtime/fault.ts';
import { GRPC, isStaleToken, isTimeout, type Refusal, refusalFault } from './faults.ts';

/**
 * - `unsent`: the member certainly did not act on it, any call may go to another one;
 * - `leaderless`: likewise, and it may pass: the members elect a leader in a second or so;
 * - `stale-token`: likewise; a new token is needed;
 * - `unknown`: the member may have acted on it;
 * - `refused`: the cluster's answer, which another member would give too.
 */
export type FailureKind = 'unsent' | 'leaderless' | 'stale-token' | 'unknown' | 'refused';

export interface Failure {
  readonly type: 'failed';
  readonly kind: FailureKind;
  readonly fault: Fault;
}

export type Outcome<T> = { readonly type: 'ok'; readonly value: T } | Failure;

/** What a status other than OK means. */
export function refusalFailure(refusal: Refusal): Failure {
  return { type: 'failed', kind: refusalKind(refusal), fault: refusalFault(refusal) };
}

function refusalKind({ code, text }: Refusal): FailureKind {
  if (isStaleToken(text)) return 'stale-token';
  // etcd looks for a leader before it does anything else, because every call carries `hasleader`.
  if (code === GRPC.unavailable && text === 'etcdserver: no leader') return 'leaderless';
  return code === GRPC.unavailable || code === GRPC.cancelled || isTimeout({ code, text }) ? 'unknown' : 'refused';
}
