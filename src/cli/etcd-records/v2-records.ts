/** The records of a network in etcd v2. */
import { etcdV2Keys, recordOfNode } from '#agent/leases/etcd-v2-store.ts';
import type { StoredRecord } from '#agent/leases/stored-record.ts';
import type { EtcdV2, V2Node } from '#etcd/v2-api.ts';
import type { EtcdRecords } from './records.ts';

export function v2Records(etcd: EtcdV2, prefix: string): EtcdRecords {
  const keys = etcdV2Keys(prefix);
  /** A listing of v2 says how long each key has left. */
  const left = new Map<string, number | undefined>();
  const seen = (node: V2Node): StoredRecord => {
    left.set(node.key, node.ttlSeconds);
    return recordOfNode(node);
  };
  return {
    api: 'v2',
    keys,
    async get(key) {
      const node = await etcd.get(key);
      return node && seen(node);
    },
    async leases() {
      return (await etcd.list(keys.subnets)).nodes.map(seen);
    },
    async hosts() {
      return (await etcd.list(keys.hosts)).nodes.map(seen);
    },
    async ttls(records) {
      return new Map(
        records.flatMap(({ key }) => {
          const seconds = left.get(key);
          return seconds === undefined ? [] : [[key, seconds]];
        }),
      );
    },
    async create(key, value, ttlSeconds) {
      const node = await etcd.create(key, value, ttlSeconds);
      return node === 'exists' ? 'exists' : node.modifiedIndex;
    },
    async replace({ key, modified }, value) {
      const node = await etcd.replace(key, value, modified);
      return node === 'changed' ? 'changed' : node.modifiedIndex;
    },
    remove: ({ key, modified }) => etcd.remove(key, modified),
    close: () => etcd.close(),
  };
}
