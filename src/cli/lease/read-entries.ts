/** Reads all records under the prefix, or one, together with the network document that they should fit. */
import type { EtcdSession } from '#cli/etcd-session.ts';
import { prefixEnd } from '#etcd/api.ts';
import { parseNetworkConfig } from '#model/network-config.ts';
import { mapConcurrent } from '#runtime/map-concurrent.ts';
import { type LeaseEntry, leaseEntries } from './entries.ts';

const PARALLEL_TTL_CALLS = 32;

export async function readEntries({ etcd, keys }: EtcdSession): Promise<readonly LeaseEntry[]> {
  const [config, subnets] = await Promise.all([
    etcd.range({ key: keys.config }),
    etcd.range({ key: keys.subnets, rangeEnd: prefixEnd(keys.subnets) }),
  ]);
  const document = config.kvs[0]?.value;
  const parsed = document === undefined ? undefined : parseNetworkConfig(document);
  const network = parsed !== undefined && 'config' in parsed ? parsed.config : undefined;
  return leaseEntries(subnets.kvs, keys, network);
}

/** Seconds left of each entry's etcd lease, by its id: one call each, so only for who asks to see it. */
export async function readTtls(
  { etcd }: EtcdSession,
  entries: readonly LeaseEntry[],
): Promise<ReadonlyMap<bigint, number>> {
  const ids = [...new Set(entries.map((entry) => entry.etcdLease).filter((id) => id !== 0n))];
  const pairs = await mapConcurrent(ids, PARALLEL_TTL_CALLS, async (id) => {
    const info = await etcd.leaseTimeToLive(id);
    return [id, info.ttlSeconds] as const;
  });
  return new Map(pairs);
}
