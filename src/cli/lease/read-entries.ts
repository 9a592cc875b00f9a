/** Reads all records under the prefix, together with the network document that they should fit. */
import { parseHostRecord } from '#agent/leases/host-record.ts';
import type { EtcdRecords } from '#cli/etcd-records/records.ts';
import { parseNetworkConfig } from '#model/network-config.ts';
import { type LeaseEntry, leaseEntries } from './entries.ts';
import type { EntryDetails } from './print-entries.ts';

export async function readEntries(records: EtcdRecords): Promise<readonly LeaseEntry[]> {
  const { keys } = records;
  const [config, leases] = await Promise.all([records.get(keys.config), records.leases()]);
  const parsed = config === undefined ? undefined : parseNetworkConfig(config.value);
  const network = parsed !== undefined && 'config' in parsed ? parsed.config : undefined;
  return leaseEntries(leases, keys, network);
}

/** The time left of each, and the names of the hosts that say which they are. */
export async function readDetails(records: EtcdRecords, entries: readonly LeaseEntry[]): Promise<EntryDetails> {
  const { keys } = records;
  const [ttls, hosts] = await Promise.all([records.ttls(entries.map(({ record }) => record)), records.hosts()]);
  const hostNames = new Map(
    hosts.flatMap(({ key, value }) => {
      const host = parseHostRecord(value);
      return host === undefined ? [] : [[key.slice(keys.hosts.length + 1), host.name] as const];
    }),
  );
  return { ttls, hostNames };
}
