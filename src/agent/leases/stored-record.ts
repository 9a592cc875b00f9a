/** A record as an etcd stores it, of either API, and the lease that it holds. */
import type { Lease, RejectedRecord } from '#model/lease.ts';
import { decodeLeaseRecord } from '#model/lease-record.ts';
import type { EtcdKeys } from './etcd-keys.ts';

export interface StoredRecord {
  readonly key: string;
  readonly value: string;
  /** It never expires. */
  readonly reservation: boolean;
  /** Revision (v3) or index (v2) of the key's creation. */
  readonly created: number;
  /** Revision or index of its last write. */
  readonly modified: number;
}

/** The lease in a record, or the record refused with the reason. */
export function leaseInRecord(record: StoredRecord, keys: EtcdKeys): Lease | RejectedRecord {
  const { key, value, reservation, created, modified } = record;
  const subnet = keys.subnetOf(key);
  if (subnet === undefined) return { key, reason: `the key is not the name of a subnet below ${keys.subnets}/` };
  const decoded = decodeLeaseRecord(value);
  if ('reason' in decoded) return { key, reason: decoded.reason, subnet, created, modified };
  return { subnet, attributes: decoded.attributes, reservation, created, modified };
}
