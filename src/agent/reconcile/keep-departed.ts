/**
 * A living peer is never withdrawn, whatever the store says: what the loss of keys and their return mean for the peers that are
 * programmed. How long each is waited for is decided in agent/leases/departed-peers.ts.
 */
import type { PeerDifference } from '#agent/leases/peer-view.ts';
import type { Lease } from '#model/lease.ts';
import { sameLeaseAttributes } from '#model/lease-record.ts';
import { outdateCache } from './cache-state.ts';
import type { Action } from './input.ts';
import { logLeases, logPeers, type PeerNews } from './log-peers.ts';
import type { CoreState } from './state.ts';

/** Takes in what an event changed; returns what is new about the peers that are programmed. */
export function keepDeparted(state: CoreState, difference: PeerDifference, now: number, actions: Action[]): PeerNews {
  const { departed } = state;
  const added: Lease[] = [];
  const changed = [...difference.changed];
  const back: Lease[] = [];
  const heldBefore = departed.heldCount;
  for (const lease of difference.added) {
    const was = departed.returned(lease);
    if (was === undefined) added.push(lease);
    else if (sameLeaseAttributes(was.attributes, lease.attributes)) back.push(lease);
    else changed.push(lease);
  }
  departed.left(difference.removed, now);
  if (difference.added.length + difference.changed.length + difference.removed.length > 0) state.viewChanged = true;
  // A key that was lost or is there again changes nothing in the kernel, but for leases that it stood in the way of.
  const moved = back.length + difference.removed.length;
  const refused = state.refusals.admission.size + state.refusals.backend.size;
  if (added.length + changed.length > 0 || (moved > 0 && refused > 0)) state.dirty = true;
  logLeases('debug', 'key lost; waiting for its owner', difference.removed, actions);
  logLeases('debug', 'key is there again', back, actions);
  if (heldBefore > 0 && departed.heldCount === 0) {
    actions.push({
      type: 'log',
      level: 'info',
      message: 'all peers held are in etcd again',
      fields: { held: heldBefore },
    });
  }
  return { added, changed };
}

/** Withdraws, or holds, those whose time is over. While the store is away no owner could claim its key again. */
export function nextWithdrawal(state: CoreState, now: number, actions: Action[]): void {
  const { departed, settings } = state;
  if (state.storeLostAt !== undefined || departed.deadline > now) return;
  const heldBefore = departed.heldCount;
  const { withdrawn, held } = departed.expire(now, state.view.size);
  if (withdrawn.length > 0) withdraw(state, withdrawn, now, actions);
  if (held.length === 0) return;
  const fields = {
    held: departed.heldCount,
    known: state.view.size + departed.size,
    until: new Date(now + settings.withdraw.holdMs + settings.wallOffsetMs).toISOString(),
    why: 'so many at once: most likely etcd was restored from a backup or emptied, or leases expired in an outage',
    remedy: 'look at etcd; hosts that live return by themselves; if these are gone for good, SIGHUP withdraws them now',
  };
  const message = heldBefore === 0 ? 'peers are not in etcd any more and held' : 'more peers held';
  actions.push({ type: 'log', level: 'warn', message, fields });
}

/** The operator's word: those that are held are gone for good. */
export function withdrawHeld(state: CoreState, now: number, actions: Action[]): void {
  const withdrawn = state.departed.release();
  if (withdrawn.length > 0) withdraw(state, withdrawn, now, actions);
}

/** Tells of those that the last pass let go of, because what was theirs is another's now. */
export function reportSuperseded(state: CoreState, actions: Action[]): void {
  logPeers({ removed: state.superseded }, actions);
  state.superseded = [];
}

function withdraw(state: CoreState, leases: readonly Lease[], now: number, actions: Action[]): void {
  outdateCache(state.cache, now);
  state.viewChanged = true;
  state.dirty = true;
  logPeers({ removed: leases }, actions);
}

/** When `nextWithdrawal` has something to do; Infinity: never. */
export function withdrawalTime({ departed, storeLostAt }: CoreState): number {
  return storeLostAt === undefined ? departed.deadline : Number.POSITIVE_INFINITY;
}
