/** The one line by which `systemctl status` tells how the agent is: STATUS= of sd_notify(3). Pure. */

export interface StatusSummary {
  /** Subnets leased by this host, as text; empty before there is one. */
  readonly subnets: readonly string[];
  /** Hosts that the fabric reaches. */
  readonly peers: number;
  /**
   * Where leases are kept. `since`: milliseconds since 1970, when it was heard of last, or with `fromCache` when it was asked
   * first: lease and peers are those of an earlier run.
   */
  readonly store:
    | { readonly connected: true }
    | { readonly connected: false; readonly since: number; readonly fromCache: boolean };
  /** Peers whose keys are gone, many at once, and that are kept. `since`: milliseconds since 1970, when the first was missed. */
  readonly held?: { readonly peers: number; readonly since: number } | undefined;
  /** What goes wrong at present, in one sentence (`Fault.summary`). */
  readonly fault: string | undefined;
}

/** The service manager shows one line, and refuses datagrams that are huge. */
const MOST_FAULT_CHARACTERS = 200;

/**
 * `172.30.71.0/24 leased, 6 peers; store not reached since 2026-02-01T10:00:00Z; last fault: …`, without `STATUS=`. A
 * summary that stays the same has the same text: no ages in it.
 */
export function statusText(summary: StatusSummary): string {
  const { subnets, peers, store, held, fault } = summary;
  const parts = [
    subnets.length === 0
      ? 'no lease yet'
      : `${subnets.join(' and ')} leased, ${peers} ${peers === 1 ? 'peer' : 'peers'}`,
  ];
  if (!store.connected) {
    const how = store.fromCache ? 'from cache, etcd unreachable' : 'store not reached';
    parts.push(`${how} since ${timeText(store.since)}`);
  }
  if (held !== undefined) {
    const noun = held.peers === 1 ? 'peer' : 'peers';
    parts.push(`${held.peers} ${noun} held: not in etcd since ${timeText(held.since)}`);
  }
  if (fault !== undefined) parts.push(`last fault: ${oneLine(fault)}`);
  return parts.join('; ');
}

function timeText(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** A line end would begin another assignment: what comes from etcd must not be able to. */
function oneLine(text: string): string {
  const line = text.replaceAll(/[\p{Cc}\s]+/gu, ' ').trim();
  return line.length <= MOST_FAULT_CHARACTERS ? line : `${line.slice(0, MOST_FAULT_CHARACTERS)}…`;
}
