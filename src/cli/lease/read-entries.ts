/** Reads all records under the prefix, together with the network document that they should fit. */
import type { EtcdRecords } from '#cli/etcd-records/records.ts';
import { parseNetworkConfig } from '#model/network-config.ts';
import { type LeaseEntry, leaseEntries } from './entries.ts';

export async function readEntries(records: EtcdRecords): Promise<readonly LeaseEntry[]> {
  const { keys } = records;
  const [config, leases] = await Promise.all([records.get(keys.config), records.leases()]);
  const parsed = config === undefined ? undefined : parseNetworkConfig(config.value);
  const network = parsed !== undefined && 'config' in parsed ? parsed.config : undefined;
  return leaseEntries(leases, keys, network);
}
