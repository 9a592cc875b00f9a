/** What an input changes in what is known. Says in the log what an operator would want to read later. */

import type { AcquiredLease } from '#agent/leases/acquire.ts';
import type { LeaseSnapshot } from '#agent/leases/store.ts';
import { withoutSecrets } from '#model/document-secrets.ts';
import { formatPublicIps, type Lease } from '#model/lease.ts';
import { sameLeaseAttributes } from '#model/lease-record.ts';
import { formatSubnetKey } from '#model/subnet-key.ts';
import { Fault } from '#runtime/fault.ts';
import { absorbCache } from './absorb-cache.ts';
import { absorbFirewall } from './absorb-firewall.ts';
import { absorbLeaseEvent } from './absorb-lease-event.ts';
import { absorbPass } from './absorb-pass.ts';
import { outdateCache } from './cache-state.ts';
import { heldSubnet, holdContested, noteContested, reportMove } from './contested.ts';
import { failed, type Pause, succeeded } from './effort.ts';
import type { Action, Input } from './input.ts';
import { withdrawHeld } from './keep-departed.ts';
import { logFault } from './log-fault.ts';
import { readDocument } from './read-document.ts';
import { renewalTime } from './renewal.ts';
import type { CoreState } from './state.ts';
import { absorbTwin, findTwins } from './twins.ts';

const LOAD_PAUSE: Pause = { firstMs: 500, mostMs: 3000 };
const ACQUIRE_PAUSE: Pause = { firstMs: 500, mostMs: 10_000 };
/** The other machine is asked again for a sign of life. */
const CLONE_PAUSE: Pause = { firstMs: 60_000, mostMs: 60_000 };
const RENEW_PAUSE: Pause = { firstMs: 1000, mostMs: 60_000 };
const TWIN_PAUSE: Pause = { firstMs: 1000, mostMs: 60_000 };
const OPEN_PAUSE: Pause = { firstMs: 500, mostMs: 10_000 };
const CHOOSE_PAUSE: Pause = { firstMs: 1000, mostMs: 10_000 };
const FIREWALL_PAUSE: Pause = { firstMs: 1000, mostMs: 60_000 };
const PUBLISH_PAUSE: Pause = { firstMs: 500, mostMs: 10_000 };

const MOST_CAUSERS = 5;

export function absorb(state: CoreState, input: Input, now: number, actions: Action[]): void {
  const { spread } = state.settings;
  switch (input.type) {
    case 'start':
      state.cache.startedAt = now;
      break;
    case 'wake':
      break;
    case 'reload':
      state.dirty = true;
      state.firewallDirty = true;
      state.firewallSurveyed = false;
      state.firewallReconciled = undefined;
      state.givenUpSysctls.clear();
      state.fights.clear();
      // Another value of it: what is remembered of the kernel does not count any more.
      if (state.ownership !== undefined) state.ownership = { ...state.ownership };
      for (const effort of [state.load, state.choose, state.open, state.pass, state.acquire, state.firewall]) {
        effort.notBefore = 0;
      }
      actions.push({ type: 'log', level: 'info', message: 'reading again: document, interfaces, kernel, rules' });
      withdrawHeld(state, now, actions);
      if (state.network !== undefined) actions.push({ type: 'reread' });
      break;
    case 'reread':
      absorbReread(state, input.document, actions);
      break;
    case 'reread-failed':
      logFault(state, now, actions, input.fault, 'the network document was not read again');
      break;
    case 'loaded':
      state.cache.answer = 'good';
      absorbDocument(state, input.document, input.snapshot, now, actions);
      break;
    case 'load-failed':
      state.cache.answer = 'failed';
      failed(state.load, now, LOAD_PAUSE, spread, input.fault);
      logFault(state, now, actions, input.fault, waitingFor(state));
      break;
    case 'host':
      succeeded(state.choose);
      state.host = input.host;
      break;
    case 'engine-opened':
      succeeded(state.open);
      state.engine = { published: input.published };
      break;
    case 'engine-failed':
      failed(state.open, now, OPEN_PAUSE, spread, input.fault);
      logFault(state, now, actions, input.fault, "the backend's own part does not start");
      break;
    case 'host-failed':
      failed(state.choose, now, CHOOSE_PAUSE, spread, input.fault);
      logFault(state, now, actions, input.fault, 'the host cannot be read');
      break;
    case 'passed':
      absorbPass(state, input.result, now, actions);
      break;
    case 'kernel-changed':
      state.dirty = true;
      if (input.by !== undefined) state.causers.kernel = withCauser(state.causers.kernel, [input.by]);
      break;
    case 'acquired':
      absorbAcquired(state, input.result, now, actions);
      break;
    case 'acquire-failed':
      if (input.fault.code === 'lease.contested' && holdContested(state, input.fault, now, actions)) break;
      failed(state.acquire, now, input.fault.code === 'lease.clone' ? CLONE_PAUSE : ACQUIRE_PAUSE, spread, input.fault);
      logFault(state, now, actions, input.fault, 'no lease yet');
      break;
    case 'leases':
      absorbLeaseEvent(state, input.event, now, actions);
      break;
    case 'renewed':
      succeeded(state.renew);
      holdLease(state, input.lease, now);
      // Somebody was at our key after this write: that is heard of before the answer comes.
      if (state.claims.atRevision > input.lease.modified) state.renewAt = now;
      actions.push({
        type: 'log',
        level: 'info',
        message:
          state.contested === 'no' ? 'lease renewed' : 'lease claimed again; the subnet is not contested any more',
        fields: { subnet: formatSubnetKey(input.lease.subnet) },
      });
      state.contested = 'no';
      break;
    case 'renew-failed':
      if (input.fault.code === 'lease.contested') {
        noteContested(state, input.fault, now, actions);
        break;
      }
      failed(state.renew, now, input.fault.code === 'lease.clone' ? CLONE_PAUSE : RENEW_PAUSE, spread, input.fault);
      logFault(state, now, actions, input.fault, 'lease not renewed; forwarding goes on');
      break;
    case 'cache-read':
    case 'cache-refused':
    case 'cache-saved':
    case 'cache-not-saved':
      absorbCache(state, input, now, actions);
      break;
    case 'twin-done':
      absorbTwin(state, input, now, actions);
      break;
    case 'twin-failed':
      failed(state.release, now, TWIN_PAUSE, spread, input.fault);
      logFault(state, now, actions, input.fault, 'an older lease of this host is not released');
      break;
    case 'firewall-done':
      absorbFirewall(state, input.outcome, now, actions);
      break;
    case 'firewall-failed':
      failed(state.firewall, now, FIREWALL_PAUSE, spread, input.fault);
      state.firewallDirty = true;
      state.firewallSettled = true;
      logFault(state, now, actions, input.fault, 'traffic rules not written; forwarding goes on');
      break;
    case 'firewall-changed':
      state.firewallDirty = true;
      state.causers.firewall = withCauser(state.causers.firewall, input.by ?? []);
      break;
    case 'published':
      succeeded(state.publish);
      state.published = input.text;
      break;
    case 'publish-failed':
      failed(state.publish, now, PUBLISH_PAUSE, spread, input.fault);
      logFault(state, now, actions, input.fault, 'subnet file not written');
      break;
  }
}

function absorbDocument(
  state: CoreState,
  document: string | undefined,
  snapshot: LeaseSnapshot,
  now: number,
  actions: Action[],
): void {
  if (state.cache.adoptedAt !== undefined) {
    succeeded(state.load);
    state.snapshot = snapshot;
    absorbReread(state, document, actions);
    return;
  }
  const network = document === undefined ? missingDocument() : readDocument(document);
  if (network instanceof Fault) {
    failed(state.load, now, LOAD_PAUSE, state.settings.spread, network);
    logFault(state, now, actions, network, 'waiting for a usable network configuration');
    return;
  }
  succeeded(state.load);
  state.network = network;
  state.document = document;
  state.snapshot = snapshot;
  state.dirty = true;
  const { config } = network;
  const text = withoutSecrets(document ?? '{}');
  const fields = { network: text, backend: config.backend.type, leases: snapshot.leases.length };
  actions.push({ type: 'log', level: 'info', message: 'network configuration read', fields });
}

/** A network cannot change under Pods that run in it: what differs is said, and taken at the next start. */
function absorbReread(state: CoreState, document: string | undefined, actions: Action[]): void {
  if (document === state.document) return;
  const why = document === undefined ? 'it is gone' : 'it is another one now';
  const fields = { why, remedy: 'restart the agent to follow it: weft network check tells what it changes' };
  actions.push({ type: 'log', level: 'warn', message: 'network document changed', fields });
}

/** What a listing that failed is wanted for. */
function waitingFor({ cache }: CoreState): string {
  return cache.adoptedAt === undefined
    ? 'waiting for the network configuration'
    : 'the store still does not answer; forwarding goes on from the cache';
}

function missingDocument(): Fault {
  return new Fault('network.missing', { what: 'there is no network configuration under the prefix' });
}

function withCauser(known: readonly string[], more: readonly string[]): readonly string[] {
  return [...new Set([...known, ...more])].slice(-MOST_CAUSERS);
}

function absorbAcquired(state: CoreState, result: AcquiredLease, now: number, actions: Action[]): void {
  const { lease, how, attempts, snapshot } = result;
  const held = heldSubnet(state);
  succeeded(state.acquire);
  if (state.cache.adoptedAt !== undefined) {
    actions.push({ type: 'log', level: 'info', message: 'the store answers; the cache is not needed any more' });
    state.cache.adoptedAt = undefined;
    state.storeLostAt = undefined;
  }
  state.cache.found = undefined;
  holdLease(state, lease, now);
  state.snapshot = undefined;
  state.programmed = false;
  state.dirty = true;
  const fields = {
    subnet: formatSubnetKey(lease.subnet),
    public_ip: formatPublicIps(lease.attributes),
    mac: state.identity?.macs.ipv4 ?? state.identity?.macs.ipv6,
    how,
    attempts,
    reservation: lease.reservation,
  };
  actions.push({ type: 'log', level: 'info', message: 'lease acquired', fields });
  if (held !== undefined) reportMove(held, lease.subnet, actions);
  for (const duplicate of result.duplicates) {
    const subnet = formatSubnetKey(duplicate.subnet);
    actions.push({ type: 'log', level: 'warn', message: 'another lease has our public address', fields: { subnet } });
  }
  for (const old of result.released) {
    const subnet = formatSubnetKey(old.subnet);
    actions.push({
      type: 'log',
      level: 'warn',
      message: 'own lease given up: it does not fit the network',
      fields: { subnet },
    });
  }
  absorbLeaseEvent(state, { type: 'snapshot', ...snapshot }, now, actions);
}

/** From now on this is our lease, written a moment ago. */
function holdLease(state: CoreState, lease: Lease, now: number): void {
  // Peers are judged by what our own lease says.
  if (state.own === undefined || !sameLeaseAttributes(state.own.attributes, lease.attributes)) {
    state.viewChanged = true;
    state.dirty = true;
  }
  outdateCache(state.cache, now);
  const isOther = state.own === undefined || !sameLeaseAttributes(state.own.attributes, lease.attributes);
  state.own = lease;
  if (isOther) findTwins(state, lease);
  state.heldSince ??= now;
  state.writtenAt = now;
  state.view.setOwn(lease);
  state.renewAt = lease.reservation
    ? Number.POSITIVE_INFINITY
    : renewalTime(now, state.settings.renewMarginMs, state.settings.spread);
}
