/** The firewall was made as desired: what that was, a change of ours or drift. */
import type { FirewallOutcome } from '#firewall/outcome.ts';
import { formatSubnetKey } from '#model/subnet-key.ts';
import { absorbRepair } from './absorb-drift.ts';
import { succeeded } from './effort.ts';
import type { Action } from './input.ts';
import type { CoreState } from './state.ts';

const MOST_RULES_LOGGED = 20;

export function absorbFirewall(state: CoreState, outcome: FirewallOutcome, now: number, actions: Action[]): void {
  const causers = state.causers.firewall;
  state.causers.firewall = [];
  succeeded(state.firewall);
  state.firewallSurveyed = true;
  state.firewallSettled = true;
  const { written, findings } = outcome;
  const wanted = state.own === undefined ? undefined : formatSubnetKey(state.own.subnet);
  const drifted = wanted !== undefined && state.firewallReconciled === wanted;
  state.firewallReconciled = wanted;
  const lines = drifted ? findings : [...written.map(({ line }) => line), ...findings];
  for (const line of lines.slice(0, MOST_RULES_LOGGED)) {
    actions.push({ type: 'log', level: 'info', message: 'firewall', fields: { rules: line } });
  }
  if (!drifted || written.length === 0) return;
  const objects = [...new Set(written.map(({ object }) => object))];
  const repair = {
    devices: [],
    found: written.map(({ found }) => found),
    done: written.map(({ done }) => done),
    repaired: { rule: written.length },
    objects,
    durationMs: undefined,
    failed: 0,
    causers,
    bySweep: false,
  };
  absorbRepair(state, repair, now, actions);
  // A transaction is written as a whole, so that in a fight over one chain all rules wait; the kernel's tables do not.
  for (const object of objects) {
    const heldUntil = state.fights.get(object)?.heldUntil ?? 0;
    state.firewall.notBefore = Math.max(state.firewall.notBefore, heldUntil);
  }
}
