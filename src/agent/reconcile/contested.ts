/**
 * The subnet that Pods of this host run in is another host's in the store. The claim that stands in the store is the older
 * one: ours has expired. We go on with the subnet on this host, say so, and claim it again as soon as it is free; another
 * subnet is taken only on the operator's word.
 */
import { type Cidr, cidrContains, FAMILIES, type Family, sameCidr } from '#model/ip.ts';
import type { Lease } from '#model/lease.ts';
import { formatSubnetKey, type SubnetKey } from '#model/subnet-key.ts';
import type { Fault } from '#runtime/fault.ts';
import { absorbLeaseEvent } from './absorb-lease-event.ts';
import { failed, type Pause, succeeded } from './effort.ts';
import type { Action } from './input.ts';
import { logFault } from './log-fault.ts';
import { ownAttributes } from './own-attributes.ts';
import type { CoreState } from './state.ts';

/** Between two tries while the other's key stands; when it goes the watch tells, and we do not wait. */
const CONTESTED_PAUSE: Pause = { firstMs: 5000, mostMs: 600_000 };

const FREED_PAUSE_MS = 1000;

/** The subnet of an earlier run: of the subnet file, else of the cache. */
export function formerSubnet({ own, settings, cache }: CoreState): SubnetKey | undefined {
  return own?.subnet ?? settings.previous ?? cache.found?.own.subnet;
}

/** The former subnet when Pods run in it: the cache says that it was leased, or an interface has an address in it. */
export function heldSubnet(state: CoreState): SubnetKey | undefined {
  const { own, cache, host } = state;
  const former = formerSubnet(state);
  if (former === undefined || own !== undefined) return former;
  const cached = cache.found?.own.subnet;
  if (cached !== undefined && formatSubnetKey(cached) === formatSubnetKey(former)) return former;
  const isInside = (address: number | bigint): boolean =>
    FAMILIES.some((family) => {
      const part = former[family];
      return part !== undefined && cidrContains(part, address);
    });
  return host?.addresses.some(({ address }) => isInside(address)) === true ? former : undefined;
}

/** At a start: holds the subnet without a key in the store. False when it is not known what to hold. */
export function holdContested(state: CoreState, fault: Fault, now: number, actions: Action[]): boolean {
  const { snapshot, cache } = state;
  const subnet = heldSubnet(state);
  const attributes = ownAttributes(state);
  if (subnet === undefined || attributes === undefined || snapshot === undefined) return false;
  succeeded(state.acquire);
  state.own = { ...recordedLease(state, subnet), subnet, attributes };
  state.view.setOwn(state.own);
  state.snapshot = undefined;
  cache.found = undefined;
  state.programmed = false;
  state.viewChanged = true;
  state.dirty = true;
  cache.adoptedAt = undefined;
  state.storeLostAt = undefined;
  noteContested(state, fault, now, actions);
  absorbLeaseEvent(state, { type: 'snapshot', ...snapshot }, now, actions);
  return true;
}

/** Our key is another host's: the next try comes later and later. */
export function noteContested(state: CoreState, fault: Fault, now: number, actions: Action[]): void {
  state.renewAt = now;
  failed(state.renew, now, CONTESTED_PAUSE, state.settings.spread, fault);
  // The try saw the key before it went.
  if (state.contested === 'freed') state.renew.notBefore = now + FREED_PAUSE_MS;
  state.contested = 'yes';
  logFault(state, now, actions, fault, 'subnet contested; forwarding goes on with it');
}

/** Pods that still run in the subnet of before are cut off: that is never done without a word. */
export function reportMove(before: SubnetKey, now: SubnetKey, actions: Action[]): void {
  const isKept = (family: Family): boolean => {
    const [was, is]: readonly (Cidr | undefined)[] = [before[family], now[family]];
    return was === undefined || (is !== undefined && sameCidr(was, is));
  };
  if (FAMILIES.every(isKept)) return;
  const remedy = 'restart the Pods of this host, and docker if it is used: their addresses lead nowhere now';
  const fields = { from: formatSubnetKey(before), to: formatSubnetKey(now), remedy };
  actions.push({ type: 'log', level: 'warn', message: 'this host has another subnet than before', fields });
}

/** What is known of our own record; revision 0 when it never was ours as far as we know. */
function recordedLease({ own, cache }: CoreState, subnet: SubnetKey): Omit<Lease, 'attributes'> {
  const known = own ?? cache.found?.own;
  if (known !== undefined && formatSubnetKey(known.subnet) === formatSubnetKey(subnet)) return known;
  return { subnet, reservation: false, created: 0, modified: 0 };
}
