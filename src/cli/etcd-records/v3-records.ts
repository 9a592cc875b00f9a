/** The records of a network in etcd v3. */
import { etcdKeys, recordOf } from '#agent/leases/etcd-keys.ts';
import type { StoredRecord } from '#agent/leases/stored-record.ts';
import { type Etcd, type KeyValue, prefixEnd } from '#etcd/api.ts';
import { mapConcurrent } from '#runtime/map-concurrent.ts';
import type { EtcdRecords } from './records.ts';

const PARALLEL_TTL_CALLS = 32;

export function v3Records(etcd: Etcd, prefix: string): EtcdRecords {
  const keys = etcdKeys(prefix);
  /** The etcd lease of each key that was read. */
  const attached = new Map<string, bigint>();
  const seen = (kv: KeyValue): StoredRecord => {
    attached.set(kv.key, kv.lease);
    return recordOf(kv);
  };
  return {
    api: 'v3',
    keys,
    async get(key) {
      const [kv] = (await etcd.range({ key })).kvs;
      return kv && seen(kv);
    },
    async leases() {
      const { kvs } = await etcd.range({ key: keys.subnets, rangeEnd: prefixEnd(keys.subnets) });
      return kvs.map(seen);
    },
    async hosts() {
      const below = `${keys.hosts}/`;
      const { kvs } = await etcd.range({ key: below, rangeEnd: prefixEnd(below) });
      return kvs.map(seen);
    },
    /** One call for each etcd lease: only for who asks to see it. */
    async ttls(records) {
      const mortal = records.filter((record) => !record.reservation);
      const ids = [...new Set(mortal.flatMap(({ key }) => attached.get(key) ?? []))];
      const left = new Map(
        await mapConcurrent(ids, PARALLEL_TTL_CALLS, async (id) => {
          return [id, (await etcd.leaseTimeToLive(id)).ttlSeconds] as const;
        }),
      );
      return new Map(mortal.map(({ key }) => [key, left.get(attached.get(key) ?? 0n) ?? -1]));
    },
    async create(key, value, ttlSeconds) {
      const lease = ttlSeconds === undefined ? undefined : (await etcd.leaseGrant(ttlSeconds)).id;
      const { succeeded, revision } = await etcd.txn({
        compare: [{ target: 'version', key, equals: 0 }],
        success: [{ type: 'put', key, value, ...(lease !== undefined && { lease }) }],
      });
      if (succeeded) return revision;
      if (lease !== undefined) await etcd.leaseRevoke(lease);
      return 'exists';
    },
    async replace({ key, modified }, value) {
      const { succeeded, revision } = await etcd.txn({
        compare: [{ target: 'modRevision', key, equals: modified }],
        success: [{ type: 'put', key, value }],
      });
      return succeeded ? revision : 'changed';
    },
    async remove({ key, modified }) {
      const { succeeded } = await etcd.txn({
        compare: [{ target: 'modRevision', key, equals: modified }],
        success: [{ type: 'delete', key }],
      });
      return succeeded ? 'removed' : 'changed';
    },
    close: () => etcd.close(),
  };
}
