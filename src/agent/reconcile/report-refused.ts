/** Refused leases in the log: each once, until it is refused for another reason. */
import { formatPublicIps, type Lease } from '#model/lease.ts';
import { formatSubnetKey } from '#model/subnet-key.ts';
import type { Action } from './input.ts';
import type { CoreState } from './state.ts';

export interface Refused {
  readonly lease: Lease;
  readonly reason: string;
  readonly severity?: 'info' | 'warning';
}

/** Beyond this many new ones a count says enough. */
const MOST_LOGGED = 20;

export function reportRefused(
  state: CoreState,
  by: 'admission' | 'backend',
  refused: readonly Refused[],
  actions: Action[],
): void {
  const known = state.refusals[by];
  const current = new Map(refused.map((each) => [formatSubnetKey(each.lease.subnet), each.reason]));
  state.refusals[by] = current;
  const fresh = refused.filter((each) => known.get(formatSubnetKey(each.lease.subnet)) !== each.reason);
  for (const { lease, reason, severity } of fresh.slice(0, MOST_LOGGED)) {
    const fields = { subnet: formatSubnetKey(lease.subnet), public_ip: formatPublicIps(lease.attributes), reason };
    actions.push({ type: 'log', level: severity === 'info' ? 'info' : 'warn', message: 'lease not used', fields });
  }
  if (fresh.length > MOST_LOGGED) {
    const fields = { count: fresh.length - MOST_LOGGED };
    actions.push({ type: 'log', level: 'warn', message: 'more leases not used', fields });
  }
}
