/** What the operator's commands do with the records of a network, the same for both APIs of etcd. */
import type { EtcdApi } from '#agent/leases/choose-api.ts';
import type { EtcdKeys } from '#agent/leases/etcd-keys.ts';
import type { StoredRecord } from '#agent/leases/stored-record.ts';

export interface EtcdRecords {
  readonly api: EtcdApi;
  readonly keys: EtcdKeys;
  get(key: string): Promise<StoredRecord | undefined>;
  /** Everything where leases are. */
  leases(): Promise<readonly StoredRecord[]>;
  /** The keys that tell which machine has an address. */
  hosts(): Promise<readonly StoredRecord[]>;
  /** Seconds left by key, of records that `get` or `leases` gave; those that never expire are left out. */
  ttls(records: readonly StoredRecord[]): Promise<ReadonlyMap<string, number>>;
  /** Writes a key that does not exist; without `ttlSeconds` for ever. Gives the revision or index. */
  create(key: string, value: string, ttlSeconds?: number): Promise<number | 'exists'>;
  /** Writes a key that is still as it was read, for ever. Gives the revision or index. */
  replace(record: StoredRecord, value: string): Promise<number | 'changed'>;
  /** Deletes a key that is still as it was read. */
  remove(record: StoredRecord): Promise<'removed' | 'changed'>;
  close(): void;
}

/** As `etcdctl` and people say it. */
export function placeOf({ api }: EtcdRecords, key: string): string {
  return api === 'v3' ? key : `${key} in etcd v2`;
}
