/** Older records of this host at other subnets (agent/leases/own-twin.ts): found among the peers, and given up one by one. */
import { isTwin, namesOwner } from '#agent/leases/own-twin.ts';
import type { PeerDifference } from '#agent/leases/peer-view.ts';
import { formatPublicIps, type Lease } from '#model/lease.ts';
import { formatSubnetKey } from '#model/subnet-key.ts';
import { isDue, succeeded } from './effort.ts';
import type { Action, Input } from './input.ts';
import type { CoreState } from './state.ts';

/** Takes in what an event changed: only what it names is looked at. */
export function noteTwins({ own, twins }: CoreState, { added, changed, removed }: PeerDifference): void {
  for (const { subnet } of removed) twins.delete(formatSubnetKey(subnet));
  if (own === undefined) return;
  for (const lease of [...added, ...changed]) {
    if (namesOwner(lease, own)) twins.set(formatSubnetKey(lease.subnet), lease);
    else twins.delete(formatSubnetKey(lease.subnet));
  }
}

/** We are called otherwise now: every record is looked at. */
export function findTwins({ view, twins }: CoreState, own: Lease): void {
  twins.clear();
  for (const lease of view.peers) if (namesOwner(lease, own)) twins.set(formatSubnetKey(lease.subnet), lease);
}

/** What stands in the store is ours only while our own lease stands there too. */
export function nextRelease(state: CoreState, now: number, actions: Action[]): void {
  const { own, twins, contested, cache, release } = state;
  if (twins.size === 0 || own === undefined || contested !== 'no' || cache.adoptedAt !== undefined) return;
  if (!isDue(release, now) || state.storeLostAt !== undefined) return;
  const twin = [...twins.values()].find((lease) => isTwin(lease, own));
  if (twin === undefined) return;
  release.running = true;
  actions.push({ type: 'release-twin', twin });
}

/** A record that changes all the time is not asked for all the time. */
const LOST_PAUSE_MS = 1000;

export function absorbTwin(
  state: CoreState,
  { twin, outcome }: Input & { readonly type: 'twin-done' },
  now: number,
  actions: Action[],
): void {
  succeeded(state.release);
  if (outcome === 'lost') {
    if (state.own !== undefined) findTwins(state, state.own);
    state.release.notBefore = now + LOST_PAUSE_MS;
    return;
  }
  if (state.twins.get(formatSubnetKey(twin.subnet)) === twin) state.twins.delete(formatSubnetKey(twin.subnet));
  const fields = { subnet: formatSubnetKey(twin.subnet), public_ip: formatPublicIps(twin.attributes) };
  if (outcome === 'released') {
    const why = 'most likely a backup of etcd brought it back; peers would go by it instead of by our lease';
    actions.push({
      type: 'log',
      level: 'warn',
      message: 'older lease of this host released',
      fields: { ...fields, why },
    });
  } else if (outcome === 'others') {
    const remedy =
      'if that host is no more: weft lease release; if it runs, it is a copy of this one: give it a MAC of its own';
    actions.push({
      type: 'log',
      level: 'warn',
      message: 'an older lease has our MAC, and nothing shows that this host wrote it',
      fields: { ...fields, remedy },
    });
  }
}
