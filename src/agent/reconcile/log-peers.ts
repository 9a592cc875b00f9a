/** Peers in the log: a few by name, of more only the number. */
import { formatPublicIps, type Lease } from '#model/lease.ts';
import { formatSubnetKey } from '#model/subnet-key.ts';
import type { LogLevel } from '#runtime/log.ts';
import type { Action } from './input.ts';

const MOST_LOGGED = 5;

export interface PeerNews {
  readonly added?: readonly Lease[];
  readonly changed?: readonly Lease[];
  readonly removed?: readonly Lease[];
}

export function logPeers({ added = [], changed = [], removed = [] }: PeerNews, actions: Action[]): void {
  logLeases('info', 'peer added', added, actions);
  logLeases('info', 'peer changed', changed, actions);
  logLeases('info', 'peer removed', removed, actions);
}

export function logLeases(level: LogLevel, message: string, leases: readonly Lease[], actions: Action[]): void {
  if (leases.length > MOST_LOGGED) {
    actions.push({ type: 'log', level, message, fields: { count: leases.length } });
    return;
  }
  for (const { subnet, attributes } of leases) {
    const fields = { subnet: formatSubnetKey(subnet), public_ip: formatPublicIps(attributes) };
    actions.push({ type: 'log', level, message, fields });
  }
}
