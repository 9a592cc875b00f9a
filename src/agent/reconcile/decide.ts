/** The rules: each looks at what is known and asks for the next thing that is missing and due. */
import { chooseUnderlay } from '#agent/config/choose-underlay.ts';
import { formatSubnetFile } from '#agent/publish/subnet-file.ts';
import { formatIp } from '#model/ip.ts';
import { sameLeaseAttributes } from '#model/lease-record.ts';
import { formatSubnetKey } from '#model/subnet-key.ts';
import { Fault } from '#runtime/fault.ts';
import {
  awaitsCachedSubnet,
  cacheReadTime,
  cacheSaveTime,
  consultCache,
  nextCachedLease,
  nextCacheSave,
} from './cache-rules.ts';
import { formerSubnet, heldSubnet } from './contested.ts';
import { desiredFirewall } from './desired-firewall.ts';
import { type Effort, failed, isDue } from './effort.ts';
import { endHolds, nextHoldEnd } from './fights.ts';
import type { Action } from './input.ts';
import { nextWithdrawal, withdrawalTime } from './keep-departed.ts';
import { logFault } from './log-fault.ts';
import { ownAttributes, recordedAttributes } from './own-attributes.ts';
import { settleUnderlay, underlayFields } from './settle-underlay.ts';
import { type CoreState, underlayRequest } from './state.ts';
import { statusOf } from './status.ts';
import { nextSweep } from './sweep.ts';
import { nextRelease } from './twins.ts';

const CHOOSE_PAUSE = { firstMs: 1000, mostMs: 10_000 };

/** Appends what is to be done now; returns when to look again. */
export function decide(state: CoreState, now: number, actions: Action[]): number {
  const rules = [
    nextLoad,
    consultCache,
    nextUnderlay,
    nextEngine,
    nextIdentity,
    nextCachedLease,
    nextWithdrawal,
    nextEndOfHold,
    nextSweep,
    nextPass,
    nextAcquire,
    nextWatch,
    nextRenew,
    nextRelease,
    nextFirewall,
    nextPublish,
    nextReady,
    nextCacheSave,
  ];
  for (const rule of rules) rule(state, now, actions);
  return nextWake(state, now);
}

function begin(effort: Effort): void {
  effort.running = true;
}

function nextLoad(state: CoreState, now: number, actions: Action[]): void {
  // What came from the cache is to be confirmed by the store.
  const isKnown = state.network !== undefined && (state.cache.adoptedAt === undefined || state.snapshot !== undefined);
  if (isKnown || !isDue(state.load, now)) return;
  begin(state.load);
  actions.push({ type: 'load' });
}

/** The host is read while etcd is asked; which families matter is known with the network. */
function nextUnderlay(state: CoreState, now: number, actions: Action[]): void {
  const { network, host } = state;
  if (state.underlay !== undefined || !isDue(state.choose, now)) return;
  if (host === undefined) {
    begin(state.choose);
    actions.push({ type: 'read-host', reach: state.settings.canReach });
    return;
  }
  if (network === undefined) return;
  try {
    const { underlay, by } = chooseUnderlay(underlayRequest(state, network.config), host);
    const why = network.backend.refuseUnderlay(underlay);
    if (why !== undefined) throw new Fault('host.underlay', { what: why, where: underlay.name });
    settleUnderlay(state, underlay);
    const fields = { ...underlayFields(underlay, formatIp), by };
    actions.push({ type: 'log', level: 'info', message: 'interface chosen', fields });
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    state.host = undefined;
    failed(state.choose, now, CHOOSE_PAUSE, state.settings.spread, error);
    logFault(state, now, actions, error, 'no interface for the fabric yet');
  }
}

function nextEngine(state: CoreState, now: number, actions: Action[]): void {
  const { network } = state;
  const engine = network?.backend.engine;
  if (network === undefined || engine === undefined || state.engine !== undefined || !isDue(state.open, now)) return;
  begin(state.open);
  actions.push({ type: 'open-engine', engine, network: network.config });
}

function nextIdentity(state: CoreState): void {
  const { network, underlay, host, engine } = state;
  if (state.identity !== undefined || network === undefined || underlay === undefined || host === undefined) return;
  if (network.backend.engine !== undefined && engine === undefined) return;
  state.identity = network.backend.identify({
    recorded: recordedAttributes(state),
    links: host.links,
    randomMacs: state.settings.randomMacs,
    published: engine?.published,
  });
}

/** What was left alone in a fight is due again. */
function nextEndOfHold(state: CoreState, now: number): void {
  if (endHolds(state.fights, now)) state.dirty = true;
}

function nextPass(state: CoreState, now: number, actions: Action[]): void {
  if (state.identity === undefined || !state.dirty || !isDue(state.pass, now)) return;
  begin(state.pass);
  state.dirty = false;
  actions.push({ type: 'pass', fresh: state.sweep.running !== 'no' });
}

function nextAcquire(state: CoreState, now: number, actions: Action[]): void {
  const { network, snapshot, cache } = state;
  const isHeld = state.own !== undefined && cache.adoptedAt === undefined;
  // The MAC is published only after a pass has seen it on the device.
  if (network === undefined || snapshot === undefined || isHeld || !state.deviceStands) return;
  const attributes = ownAttributes(state);
  if (attributes === undefined || !isDue(state.acquire, now) || awaitsCachedSubnet(state)) return;
  begin(state.acquire);
  actions.push({
    type: 'acquire',
    network: network.config,
    attributes,
    previous: formerSubnet(state),
    held: heldSubnet(state) !== undefined && state.settings.acceptNewSubnet !== true,
    recorded: cache.found?.own,
    hostAddresses: state.host?.addresses.map((entry) => entry.address) ?? [],
    snapshot,
  });
}

function nextWatch(state: CoreState, _now: number, actions: Action[]): void {
  if (state.watching || state.own === undefined || state.cache.adoptedAt !== undefined) return;
  state.watching = true;
  actions.push({ type: 'watch', afterRevision: state.view.revision });
}

function nextRenew(state: CoreState, now: number, actions: Action[]): void {
  if (state.own === undefined || state.cache.adoptedAt !== undefined || !isDue(state.renew, now)) return;
  const attributes = ownAttributes(state);
  if (attributes === undefined) return;
  // An address that changed must be told at once, also by a reservation.
  if (state.renewAt > now && sameLeaseAttributes(attributes, state.own.attributes)) return;
  begin(state.renew);
  actions.push({ type: 'renew', lease: state.own, attributes });
}

/**
 * Masquerading before the subnet is handed out, so that no Pod's packet goes out with its own address; without it the rules
 * only let through what the host may forward anyway, and wait until the host is ready.
 */
function nextFirewall(state: CoreState, now: number, actions: Action[]): void {
  const desired = desiredFirewall(state);
  if (desired === undefined || !state.firewallDirty || !isDue(state.firewall, now)) return;
  if (!desired.masquerade && state.published === undefined) return;
  begin(state.firewall);
  state.firewallDirty = false;
  actions.push({ type: 'firewall', desired, extent: state.firewallSurveyed ? 'live' : 'everywhere' });
}

function nextPublish(state: CoreState, now: number, actions: Action[]): void {
  const { network, own, underlay } = state;
  if (network === undefined || own === undefined || underlay === undefined) return;
  if (!state.programmed || (state.settings.traffic.masquerade && !state.firewallSettled)) return;
  const { config, backend } = network;
  const { ipv4, ipv6 } = own.subnet;
  const text = formatSubnetFile({
    ...(config.ipv4 && ipv4 ? { ipv4: { network: config.ipv4.network, subnet: ipv4 } } : {}),
    ...(config.ipv6 && ipv6 ? { ipv6: { network: config.ipv6.network, subnet: ipv6 } } : {}),
    mtu: backend.mtu(underlay),
    masquerade: state.settings.traffic.masquerade,
  });
  if (state.published === text || !isDue(state.publish, now)) return;
  begin(state.publish);
  actions.push({ type: 'publish', text });
}

function nextReady(state: CoreState, _now: number, actions: Action[]): void {
  if (state.ready || state.published === undefined || state.own === undefined) return;
  state.ready = true;
  const subnet = formatSubnetKey(state.own.subnet);
  const peers = state.admitted.length;
  actions.push({ type: 'log', level: 'info', message: 'ready', fields: { subnet, peers } });
  actions.push({ type: 'ready', status: statusOf(state) });
}

function nextWake(state: CoreState, now: number): number {
  const efforts = [
    state.load,
    state.choose,
    state.open,
    state.pass,
    state.acquire,
    state.renew,
    state.publish,
    state.firewall,
    state.release,
  ];
  const retries = efforts
    .filter((effort) => !effort.running && effort.notBefore > now)
    .map((effort) => effort.notBefore);
  const renewal = state.own === undefined || state.renewAt <= now ? Number.POSITIVE_INFINITY : state.renewAt;
  const cached = [cacheReadTime(state), cacheSaveTime(state)].filter((time) => time > now);
  const hold = nextHoldEnd(state.fights);
  const sweep = state.sweep.dueAt > now ? state.sweep.dueAt : Number.POSITIVE_INFINITY;
  return Math.min(renewal, withdrawalTime(state), hold, sweep, ...cached, ...retries);
}
