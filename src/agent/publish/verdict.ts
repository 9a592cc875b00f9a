/** The one line that says whether a host is well, from its report. Pure. */
import type { FabricReport, StoreKind } from './status-report.ts';

export interface Verdict {
  /** `starting`: nothing is known to be wrong, and it is not ready yet. */
  readonly state: 'ok' | 'starting' | 'trouble';
  /** Begins with the state: `ok: 10.5.1.0/24, 6 peers, etcd connected`. */
  readonly text: string;
  /** What to do about the trouble. */
  readonly remedy?: string;
}

export function verdictOf(report: FabricReport, store: StoreKind): Verdict {
  const { lease, ready, troubles, peers } = report;
  const [worst] = troubles;
  if (worst !== undefined) {
    const more = troubles.length > 1 ? ` (and ${troubles.length - 1} more)` : '';
    const effect = ready ? '; forwarding goes on' : '';
    return {
      state: 'trouble',
      text: `trouble: ${worst.what}, since ${worst.since}${more}${effect}`,
      remedy: worst.remedy,
    };
  }
  if (!ready || lease === undefined) return { state: 'starting', text: `starting: ${nextStep(report)}` };
  const refused = peers.refusedWarnings === 0 ? '' : `, ${plural(peers.refusedWarnings, 'lease')} refused`;
  const held =
    peers.held === undefined ? '' : `, ${peers.held.count} of them held: not in ${store} since ${peers.held.since}`;
  const subnets = lease.subnets.join(' and ');
  const { fromCache, lostAt } = report.store;
  const answers = fromCache === true ? `from cache, ${store} unreachable since ${lostAt}` : `${store} connected`;
  return { state: 'ok', text: `ok: ${subnets}, ${plural(peers.count, 'peer')}${held}, ${answers}${refused}` };
}

/** What it is at. */
function nextStep({ network, underlay, lease }: FabricReport): string {
  if (network === undefined) return 'reading the network document';
  if (underlay === undefined) return 'looking for the interface';
  if (lease === undefined) return 'leasing a subnet';
  return `${lease.subnets.join(' and ')} leased, programming the kernel`;
}

function plural(count: number, noun: string): string {
  return `${count} ${count === 1 ? noun : `${noun}s`}`;
}
