/** The rules about the cache: when it is read, when the agent runs on what it says, and when it is written. */
import type { AgentCache } from '#agent/cache/agent-cache.ts';
import { ownLeases } from '#agent/leases/own-lease.ts';
import { formatSubnetKey } from '#model/subnet-key.ts';
import { Fault } from '#runtime/fault.ts';
import { refuseCache } from './absorb-cache.ts';
import { absorbLeaseEvent } from './absorb-lease-event.ts';
import { saveTime } from './cache-state.ts';
import type { Action } from './input.ts';
import { ownAttributes } from './own-attributes.ts';
import { readDocument } from './read-document.ts';
import type { CoreState } from './state.ts';

/** All of them that come before the interface is chosen. */
export function consultCache(state: CoreState, now: number, actions: Action[]): void {
  nextCacheRead(state, now, actions);
  nextCheck(state, actions);
  nextAdoption(state, now, actions);
}

/** When the patience with the store ends; Infinity when the cache is not wanted for its network. */
export function cacheReadTime({ settings, cache, network }: CoreState): number {
  if (settings.cache === undefined || cache.reading !== 'not yet' || network !== undefined) {
    return Number.POSITIVE_INFINITY;
  }
  if (cache.answer === 'none yet') return cache.startedAt + settings.cache.patienceMs;
  return cache.answer === 'failed' ? 0 : Number.POSITIVE_INFINITY;
}

/** The store was listed and has no lease of ours: the cache may know in which subnet Pods run, and is still to be read. */
export function awaitsCachedSubnet(state: CoreState): boolean {
  const { settings, cache, snapshot } = state;
  if (settings.cache === undefined || cache.reading === 'done') return false;
  const attributes = ownAttributes(state);
  if (snapshot === undefined || snapshot.own !== undefined || attributes === undefined) return false;
  return ownLeases(snapshot.leases, attributes).length === 0;
}

/** Never while the store answers in time and has our lease: a normal start does not pay for it. */
function nextCacheRead(state: CoreState, now: number, actions: Action[]): void {
  if (state.cache.reading !== 'not yet') return;
  if (cacheReadTime(state) > now && !awaitsCachedSubnet(state)) return;
  state.cache.reading = 'running';
  actions.push({ type: 'read-cache' });
}

/** A disk that was cloned into another machine brings the cache of the first: its subnet is not ours. */
function nextCheck({ cache, host }: CoreState, actions: Action[]): void {
  if (cache.found === undefined || cache.checked || host === undefined) return;
  cache.checked = true;
  const { machine } = cache.found;
  if (machine === '' || host.links.some(({ mac }) => mac === machine)) return;
  cache.found = undefined;
  const what = `the cache was written on a machine with the MAC ${machine}, which this one does not have`;
  refuseCache(new Fault('cache.foreign', { what, why: 'a cloned disk, or another network card' }), actions);
}

/** The network of the cache, when the store gives none. */
function nextAdoption(state: CoreState, now: number, actions: Action[]): void {
  const { cache, network } = state;
  if (cache.found === undefined || !cache.checked || network !== undefined || cache.answer === 'good') return;
  const opened = readDocument(cache.found.document);
  if (opened instanceof Fault) {
    cache.found = undefined;
    refuseCache(opened, actions);
    return;
  }
  state.network = opened;
  state.document = cache.found.document;
  state.dirty = true;
  cache.adoptedAt = now;
  const { own, peers, revision } = cache.found;
  const fields = { subnet: formatSubnetKey(own.subnet), peers: peers.length, revision };
  actions.push({ type: 'log', level: 'warn', message: 'the store does not answer; going on from the cache', fields });
}

/** Our lease and the peers of the cache, once the device stands that the peers are programmed on. */
export function nextCachedLease(state: CoreState, now: number, actions: Action[]): void {
  const { cache, own } = state;
  if (cache.adoptedAt === undefined || cache.found === undefined || own !== undefined || !state.deviceStands) return;
  const attributes = ownAttributes(state);
  if (attributes === undefined) return;
  state.own = { ...cache.found.own, attributes };
  state.view.setOwn(state.own);
  state.dirty = true;
  const { revision, peers } = cache.found;
  absorbLeaseEvent(state, { type: 'snapshot', revision, leases: [state.own, ...peers], rejected: [] }, now, actions);
}

/** After a burst, not in it; not while all that is known came from the cache. */
export function nextCacheSave(state: CoreState, now: number, actions: Action[]): void {
  const { cache } = state;
  if (cacheSaveTime(state) > now) return;
  const contents = cacheContents(state);
  if (contents === undefined) return;
  cache.save.running = true;
  cache.savedVersion = cache.version;
  cache.savedAt = now;
  actions.push({ type: 'save-cache', contents });
}

/** When the next file is due; Infinity: there is nothing to write. */
export function cacheSaveTime(state: CoreState): number {
  const { settings, cache, own } = state;
  const hasNews = settings.cache !== undefined && own !== undefined && cache.adoptedAt === undefined;
  return hasNews ? saveTime(cache) : Number.POSITIVE_INFINITY;
}

function cacheContents({ document, own, view, departed, host, underlay }: CoreState): AgentCache | undefined {
  if (document === undefined || own === undefined) return undefined;
  const machine = host?.links.find(({ name }) => name === underlay?.name)?.mac ?? '';
  // A start from the cache keeps those that are waited for, too; our subnet may have been one of theirs.
  const ownKey = formatSubnetKey(own.subnet);
  const waitedFor = departed.leases.filter(({ subnet }) => formatSubnetKey(subnet) !== ownKey);
  return { machine, document, revision: view.revision, own, peers: [...view.peers, ...waitedFor] };
}
