/** What goes wrong now: efforts that fail, and a store that is away. Pure. */
import type { TroubleReport } from '#agent/publish/status-report.ts';
import type { Moment } from './report-peers.ts';
import type { CoreState } from './state.ts';

/** Worst first: what keeps Pods apart, then what keeps the subnet from them, then what waits. */
export function troublesOf(state: CoreState, at: Moment): readonly TroubleReport[] {
  const { load, choose, open, pass, acquire, publish, firewall, renew, cache } = state;
  const efforts = [load, choose, open, pass, acquire, publish, firewall, renew, cache.save];
  const failing = efforts.flatMap(({ trouble, failures }) => {
    if (trouble === undefined) return [];
    const { fault, since } = trouble;
    return { code: fault.code, what: fault.summary, remedy: fault.remedy, since: at(since), failures };
  });
  const { storeFault, storeLostAt } = state;
  if (storeFault === undefined || storeLostAt === undefined) return failing;
  const { code, summary, remedy } = storeFault;
  return [...failing, { code, what: `the store is away: ${summary}`, remedy, since: at(storeLostAt), failures: 1 }];
}
