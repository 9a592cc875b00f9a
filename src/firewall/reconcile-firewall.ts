/** One pass over the firewall: read, plan, apply, and after a write read again, so that "written" means "is there". */
import { Fault } from '#runtime/fault.ts';
import { describeChange } from './describe.ts';
import type { DesiredFirewall } from './desired.ts';
import type { Firewall, FirewallScope } from './firewall.ts';
import { type FirewallPlan, planFirewall } from './plan.ts';

/**
 * Makes the host's firewall as desired and returns what was done. Besides the Faults of the Firewall: `firewall.differs`
 * when rules read back otherwise than they were written, so that a caller who retries on changes does not do so for ever.
 */
export async function reconcileFirewall(
  firewall: Firewall,
  desired: DesiredFirewall,
  extent: FirewallScope['extent'],
): Promise<FirewallPlan> {
  const families = desired.fabrics.map(({ network }) => network.family);
  const scope: FirewallScope = { mode: desired.mode, families, extent };
  const plan = planFirewall(desired, await firewall.read(scope));
  if (plan.transactions.length === 0) return plan;
  for (const transaction of plan.transactions) await firewall.apply(transaction);
  const after = planFirewall(desired, await firewall.read({ ...scope, extent: 'live' }));
  const left = after.transactions.flatMap(({ changes }) => changes.map(describeChange));
  if (left.length > 0)
    throw new Fault('firewall.differs', { what: 'the rules are not as they were written', why: left.join('; ') });
  // Whether a jump can be reached shows only when it is there.
  return { transactions: plan.transactions, findings: [...plan.findings, ...newFindings(plan, after)] };
}

function newFindings(before: FirewallPlan, after: FirewallPlan): FirewallPlan['findings'] {
  const known = new Set(before.findings.map((finding) => JSON.stringify(finding)));
  return after.findings.filter((finding) => !known.has(JSON.stringify(finding)));
}
