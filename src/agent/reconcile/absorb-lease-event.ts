/** What the store's events change: the peers known, and our own key. An interruption withdraws nothing. */

import { isSameHost } from '#agent/leases/own-lease.ts';
import type { PeerDifference } from '#agent/leases/peer-view.ts';
import type { LeaseEvent } from '#agent/leases/store.ts';
import { subnetsOverlap } from '#agent/leases/subnets-overlap.ts';
import { formatPublicIps, type Lease } from '#model/lease.ts';
import { sameLeaseAttributes } from '#model/lease-record.ts';
import { formatSubnetKey } from '#model/subnet-key.ts';
import { FAULTS } from '#runtime/fault-table.ts';
import { outdateCache } from './cache-state.ts';
import { claimNow } from './claim-now.ts';
import type { Action } from './input.ts';
import { keepDeparted } from './keep-departed.ts';
import { logPeers } from './log-peers.ts';
import { ownAttributes } from './own-attributes.ts';
import type { CoreState } from './state.ts';
import { noteTwins } from './twins.ts';

/** Records of one event that are named in the log. */
const MOST_LOGGED = 5;
const MOST_REMEMBERED = 1000;
/** A key may have a megabyte. */
const LONGEST_REMEMBERED = 300;
/** Over this time a fleet renews what it could not renew while the store was away. */
const RESUMED_SPREAD_MS = 2000;

export function absorbLeaseEvent(state: CoreState, event: LeaseEvent, now: number, actions: Action[]): void {
  if (event.type === 'interrupted') {
    state.storeLostAt = now;
    state.storeFault = event.fault;
    const fields = { code: event.fault.code, why: event.fault.summary, remedy: event.fault.remedy };
    actions.push({ type: 'log', level: 'warn', message: 'store watch cut; forwarding goes on', fields });
    return;
  }
  if (event.type === 'resumed') {
    state.storeLostAt = undefined;
    state.storeFault = undefined;
    state.departed.postpone(now);
    // A lease that ended meanwhile is missed by the peers: the pause after the last failure is not waited for.
    const { renew, contested, settings } = state;
    if (renew.failures > 0 && contested === 'no') {
      renew.notBefore = Math.min(renew.notBefore, now + RESUMED_SPREAD_MS * settings.spread);
    }
    actions.push({ type: 'log', level: 'info', message: 'store watch resumed' });
    return;
  }
  // A store that was restored from a backup counts from a lower revision again.
  if (event.type === 'snapshot') state.claims.atRevision = Math.min(state.claims.atRevision, event.revision);
  const difference = state.view.apply(event, now);
  logPeers(keepDeparted(state, difference, now, actions), actions);
  noteTwins(state, difference);
  const { own, contested } = state;
  // A claim that overlaps ours stood at a key of its own.
  if (
    contested !== 'no' &&
    own !== undefined &&
    difference.removed.some((lease) => subnetsOverlap(lease.subnet, own.subnet))
  )
    claimNow(state, now);
  if (difference.added.length + difference.changed.length + difference.removed.length > 0)
    outdateCache(state.cache, now);
  for (const { key, reason } of difference.rejected.slice(0, MOST_LOGGED)) {
    const name = key.slice(0, LONGEST_REMEMBERED);
    if (state.rejections.get(name) === reason) continue;
    if (state.rejections.size >= MOST_REMEMBERED) state.rejections.clear();
    state.rejections.set(name, reason);
    actions.push({ type: 'log', level: 'warn', message: 'record ignored', fields: { key, reason } });
  }
  if (difference.own !== undefined) absorbOwnKey(state, difference.own, now, actions);
}

/** Somebody else wrote our key: claim it again. Forwarding goes on meanwhile. */
function absorbOwnKey(
  state: CoreState,
  change: NonNullable<PeerDifference['own']>,
  now: number,
  actions: Action[],
): void {
  if (state.own === undefined) return;
  const subnet = formatSubnetKey(state.own.subnet);
  if (state.contested !== 'no') {
    // The other host's renewals are no news.
    const isFree = change.type === 'gone' || isSameHost(change.lease.attributes, state.own.attributes);
    if (isFree) claimNow(state, now);
    return;
  }
  // Our own write can be heard of before its answer comes.
  if (change.type === 'put' && state.renew.running && isAsWritten(state, change.lease)) return;
  if (change.type === 'put' && sameLeaseAttributes(change.lease.attributes, state.own.attributes)) {
    state.claims.atRevision = state.view.revision;
    const why =
      change.lease.modified < state.own.modified
        ? 'it is older than the one we wrote last: most likely etcd was restored from a backup'
        : 'an operator wrote it, or a second agent runs for this address';
    // An operator made it a reservation or an ordinary lease; the record says what we would say.
    state.own = change.lease;
    state.writtenAt = undefined;
    state.view.setOwn(change.lease);
    state.renewAt = change.lease.reservation ? Number.POSITIVE_INFINITY : nextClaim(state, now, QUIET_CLAIM_MS);
    actions.push({
      type: 'log',
      level: 'warn',
      message: 'own lease written by somebody else',
      fields: { subnet, why },
    });
    return;
  }
  state.claims.atRevision = state.view.revision;
  const by =
    change.type === 'put'
      ? `overwritten by ${formatPublicIps(change.lease.attributes)}`
      : 'deleted, or a record that cannot be read';
  const isClone = change.type === 'put' && isSameHost(change.lease.attributes, state.own.attributes);
  const clone = isClone ? { code: 'lease.clone', remedy: FAULTS['lease.clone'].remedy } : {};
  state.renewAt = nextClaim(state, now, 0, change.type === 'put' ? LONGEST_CLAIM_MS : LONGEST_GONE_MS);
  const fields = { subnet, by, ...clone };
  actions.push({ type: 'log', level: 'warn', message: 'own lease lost; claiming it again', fields });
}

/** Whether the record says what we wrote last, or are writing now. */
function isAsWritten(state: CoreState, { attributes }: Lease): boolean {
  return [state.own?.attributes, ownAttributes(state)].some((ours) => ours && sameLeaseAttributes(ours, attributes));
}

/** The record is as we would write it; only its time to live is unknown. */
const QUIET_CLAIM_MS = 60_000;
const LONGEST_CLAIM_MS = 60_000;
/** A key that is gone has no other claimant to race with, and the peers keep us for the grace only (3 s by default). */
const LONGEST_GONE_MS = 1000;
/** After this long without trouble the next claim is made at once again. */
const CALM_MS = 600_000;

/** When to write our key again: the first time after `leastMs`, then ever later, so that two claimants never race. */
function nextClaim(state: CoreState, now: number, leastMs: number, mostMs = LONGEST_CLAIM_MS): number {
  if (now - state.claims.lastAt > CALM_MS) state.claims.count = 0;
  const pauseMs = state.claims.count === 0 ? 0 : Math.min(500 * 2 ** state.claims.count, mostMs);
  state.claims.count += 1;
  state.claims.lastAt = now;
  return now + Math.max(pauseMs, leastMs) * (0.75 + state.settings.spread / 2);
}
