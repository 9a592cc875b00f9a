/** What a pass over the kernel changes in what is known: repairs, refusals, when the next one may be. */
import { operationText } from '#agent/kernel/operation-text.ts';
import { formatIp } from '#model/ip.ts';
import { absorbCalm, absorbRepair } from './absorb-drift.ts';
import { failed, type Pause, succeeded } from './effort.ts';
import { noteHeld } from './fights.ts';
import type { Action, PassResult } from './input.ts';
import { reportSuperseded } from './keep-departed.ts';
import { logFault } from './log-fault.ts';
import { reportRefused } from './report-refused.ts';
import { settleUnderlay, underlayFields } from './settle-underlay.ts';
import type { CoreState } from './state.ts';
import { endSweep } from './sweep.ts';

const PASS_PAUSE: Pause = { firstMs: 100, mostMs: 10_000 };
/** Passes use at most half of the time: a pause as long as the last one, up to this limit. */
const LONGEST_REST_MS = 200;
/** With an object that another program keeps changing, each change wakes a pass that leaves it alone: they are made seldom. */
const RESTS_IN_FIGHT = 10;
const LONGEST_REST_IN_FIGHT_MS = 1000;
/** Operations of one pass that are named in the log one by one. */
const MOST_FAILURES_LOGGED = 5;
const KEEPS_DEFAULT_ROUTE =
  "the default route comes from a router's advertisement, and a host that forwards IPv6 would lose it otherwise";

export function absorbPass(state: CoreState, result: PassResult, now: number, actions: Action[]): void {
  absorbDrift(state, result, now, actions);
  if (result.blocked !== undefined) {
    failed(state.pass, now, PASS_PAUSE, state.settings.spread, result.blocked);
    state.dirty = true;
    logFault(state, now, actions, result.blocked, 'the fabric cannot be programmed');
    return;
  }
  if (result.moved !== undefined) {
    const { underlay, links, addresses } = result.moved;
    succeeded(state.pass);
    settleUnderlay(state, underlay);
    if (state.host !== undefined) state.host = { ...state.host, links, addresses };
    const fields = underlayFields(underlay, formatIp);
    actions.push({ type: 'log', level: 'info', message: 'interface changed', fields });
    return;
  }
  state.deviceStands = true;
  reportSuperseded(state, actions);
  reportRefused(state, 'admission', state.refused, actions);
  reportRefused(state, 'backend', result.refused, actions);
  state.refusedByBackend = result.refused;
  // An engine that began before there was a lease does not know the peers yet; the next pass is due already.
  if (result.beforeLease !== true) state.programmed = state.own !== undefined;
  const failures = giveUpSysctls(state, result, now, actions);
  for (const { operation, fault } of failures.slice(0, MOST_FAILURES_LOGGED)) {
    const fields = { code: fault.code, operation: operationText(operation), why: fault.summary };
    actions.push({ type: 'log', level: 'error', message: 'the kernel refused an operation', fields });
  }
  const [refused] = failures;
  if (refused !== undefined) {
    failed(state.pass, now, PASS_PAUSE, state.settings.spread, refused.fault);
    state.dirty = true;
  } else {
    succeeded(state.pass);
    const rest =
      result.held.length === 0
        ? Math.min(result.durationMs, LONGEST_REST_MS)
        : Math.min(result.durationMs * RESTS_IN_FIGHT, LONGEST_REST_IN_FIGHT_MS);
    state.pass.notBefore = now + rest;
  }
  for (const { name, found, value } of result.switched) {
    const why = name.endsWith('/accept_ra') && value === '2' ? KEEPS_DEFAULT_ROUTE : undefined;
    actions.push({ type: 'log', level: 'info', message: 'sysctl set', fields: { name, found, value, why } });
  }
  if (result.planned === result.drifted) return;
  const fields = {
    operations: result.planned - result.drifted,
    failed: failures.length,
    ms: Math.round(result.durationMs * 10) / 10,
  };
  actions.push({ type: 'log', level: 'info', message: 'kernel programmed', fields });
}

function absorbDrift(state: CoreState, result: PassResult, now: number, actions: Action[]): void {
  const causers = state.causers.kernel;
  const { drift, durationMs, held } = result;
  const bySweep = state.sweep.running === 'unannounced' && causers.length === 0;
  // Of what was left alone it is still to be said who did it.
  if (held.length === 0) state.causers.kernel = [];
  endSweep(state, now, durationMs);
  absorbCalm(state, now, actions);
  if (drift !== undefined) {
    const repair = { ...drift, durationMs, failed: result.failed.length, causers, bySweep };
    absorbRepair(state, repair, now, actions);
  }
  noteHeld(state.fights, held);
}

/** A container may not write them: said once, and the rest of the fabric is none the worse. Returns the other failures. */
function giveUpSysctls(state: CoreState, result: PassResult, now: number, actions: Action[]): PassResult['failed'] {
  return result.failed.filter(({ operation, fault }) => {
    if (operation.type !== 'sysctl-set') return true;
    state.givenUpSysctls.add(operation.name);
    logFault(state, now, actions, fault, `${operation.name} is ${operation.found} and stays so`);
    return false;
  });
}
