/** The rules: each looks at what is known and asks for the next thing that is missing and due. */
import { chooseUnderlay } from '#agent/config/choose-underlay.ts';
import { formatSubnetFile } from '#agent/publish/subnet-file.ts';
import { formatIpv4 } from '#model/ipv4.ts';
import type { LeaseAttributes } from '#model/lease.ts';
import { formatSubnetKey } from '#model/subnet-key.ts';
import { Fault } from '#runtime/fault.ts';
import { type Effort, failed, isDue } from './effort.ts';
import type { Action } from './input.ts';
import { logFault } from './log-fault.ts';
import { recordedMac } from './recorded-mac.ts';
import type { CoreState } from './state.ts';

const CHOOSE_PAUSE = { firstMs: 1000, mostMs: 10_000 };

/** Appends what is to be done now; returns when to look again. */
export function decide(state: CoreState, now: number, actions: Action[]): number {
  const rules = [nextLoad, nextUnderlay, nextPass, nextAcquire, nextWatch, nextRenew, nextPublish, nextReady];
  for (const rule of rules) rule(state, now, actions);
  return nextWake(state, now);
}

function begin(effort: Effort): void {
  effort.running = true;
}

function nextLoad(state: CoreState, now: number, actions: Action[]): void {
  if (state.network !== undefined || !isDue(state.load, now)) return;
  begin(state.load);
  actions.push({ type: 'load' });
}

function nextUnderlay(state: CoreState, now: number, actions: Action[]): void {
  if (state.underlay !== undefined || !isDue(state.choose, now)) return;
  if (state.host === undefined) {
    begin(state.choose);
    actions.push({ type: 'read-host' });
    return;
  }
  try {
    const { underlay, by } = chooseUnderlay(state.settings, state.host);
    state.underlay = underlay;
    state.dirty = true;
    const { name, address, publicIp, mtu } = underlay;
    const fields = { iface: name, address: formatIpv4(address), public_ip: formatIpv4(publicIp), mtu, by };
    actions.push({ type: 'log', level: 'info', message: 'interface chosen', fields });
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    state.host = undefined;
    failed(state.choose, now, CHOOSE_PAUSE, state.settings.spread);
    logFault(state, now, actions, error, 'no interface for the fabric yet');
  }
}

/** Waits until a MAC is chosen: the one in our record, so that peers go on reaching us; else the device's own. */
function nextPass(state: CoreState, now: number, actions: Action[]): void {
  const { network, underlay } = state;
  if (network === undefined || underlay === undefined) return;
  if (state.mac === undefined && state.host !== undefined) {
    const device = state.host.links.find((link) => link.name === network.backend.device && link.vxlan !== undefined);
    const recorded = recordedMac(state.snapshot?.leases ?? [], underlay.publicIp, network);
    state.mac = recorded ?? device?.mac ?? state.settings.randomMac;
  }
  if (!state.dirty || !isDue(state.pass, now)) return;
  begin(state.pass);
  state.dirty = false;
  actions.push({ type: 'pass' });
}

function nextAcquire(state: CoreState, now: number, actions: Action[]): void {
  const { network, snapshot } = state;
  // The MAC is published only after a pass has seen it on the device.
  if (network === undefined || snapshot === undefined || state.own !== undefined || !state.deviceStands) return;
  const attributes = ownAttributes(state);
  if (attributes === undefined || !isDue(state.acquire, now)) return;
  begin(state.acquire);
  actions.push({
    type: 'acquire',
    network: network.config,
    attributes,
    previous: state.settings.previous,
    hostAddresses: state.host?.addresses.map((entry) => entry.address) ?? [],
    snapshot,
  });
}

function nextWatch(state: CoreState, _now: number, actions: Action[]): void {
  if (state.watching || state.own === undefined) return;
  state.watching = true;
  actions.push({ type: 'watch', afterRevision: state.view.revision });
}

function nextRenew(state: CoreState, now: number, actions: Action[]): void {
  if (state.own === undefined || state.renewAt > now || !isDue(state.renew, now)) return;
  const attributes = ownAttributes(state);
  if (attributes === undefined) return;
  begin(state.renew);
  actions.push({ type: 'renew', lease: state.own, attributes });
}

function nextPublish(state: CoreState, now: number, actions: Action[]): void {
  const { network, own, underlay } = state;
  if (network?.config.ipv4 === undefined || own === undefined || underlay === undefined || !state.programmed) return;
  const file = {
    network: network.config.ipv4.network,
    subnet: own.subnet.ipv4,
    mtu: network.backend.mtu(underlay),
    masquerade: false,
  };
  const text = formatSubnetFile(file);
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
  actions.push({ type: 'notify', text: `READY=1\nSTATUS=${subnet} leased, ${peers} peers` });
}

/** What our lease says; undefined until interface and MAC are known. */
function ownAttributes(state: CoreState): LeaseAttributes | undefined {
  const { network, underlay, mac } = state;
  if (network === undefined || underlay === undefined || mac === undefined) return undefined;
  const data = network.backend.leaseData(mac);
  return {
    publicIp: underlay.publicIp,
    publicIpv6: null,
    backendType: network.config.backend.type,
    ...(data === undefined ? {} : { backendData: data }),
  };
}

function nextWake(state: CoreState, now: number): number {
  const efforts = [state.load, state.choose, state.pass, state.acquire, state.renew, state.publish];
  const retries = efforts
    .filter((effort) => !effort.running && effort.notBefore > now)
    .map((effort) => effort.notBefore);
  const renewal = state.own === undefined || state.renewAt <= now ? Number.POSITIVE_INFINITY : state.renewAt;
  return Math.min(renewal, ...retries);
}
