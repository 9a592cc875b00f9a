/** Where flannel keeps things in etcd: texts of keys below the prefix (spec §2.1), and how a stored pair becomes a lease. */
import type { KeyValue } from '#etcd/api.ts';
import { cleanEtcdPrefix } from '#model/etcd-prefix.ts';
import type { Lease, RejectedRecord } from '#model/lease.ts';
import { formatSubnetKey, parseSubnetKey, type SubnetKey } from '#model/subnet-key.ts';
import { leaseInRecord, type StoredRecord } from './stored-record.ts';

export interface EtcdKeys {
  readonly config: string;
  /** What is listed and watched; without a trailing slash, as flannel does, so that what it would obey is at least reported. */
  readonly subnets: string;
  readonly lease: (subnet: SubnetKey) => string;
  /** Where it says which machine has an address; ours, flannel never looks there. */
  readonly hosts: string;
  readonly host: (address: string) => string;
  /** The subnet whose lease lives at that key; undefined when it is not exactly the key of one. */
  readonly subnetOf: (key: string) => SubnetKey | undefined;
}

/** Keys below a prefix such as `/coreos.com/network`, joined with slash cleaning. */
export function etcdKeys(prefix: string): EtcdKeys {
  const base = cleanEtcdPrefix(prefix);
  const join = (name: string): string => (base === '' || base === '/' ? `${base}${name}` : `${base}/${name}`);
  const subnets = join('subnets');
  const hosts = join('hosts');
  const lease = (subnet: SubnetKey): string => `${subnets}/${formatSubnetKey(subnet)}`;
  return {
    config: join('config'),
    subnets,
    lease,
    hosts,
    host: (address) => `${hosts}/${address}`,
    subnetOf(key) {
      const subnet = key.startsWith(`${subnets}/`) ? parseSubnetKey(key) : undefined;
      return subnet !== undefined && lease(subnet) === key ? subnet : undefined;
    },
  };
}

/** The lease in a stored pair, or the record refused with the reason. A key without an etcd lease is a reservation. */
export function leaseOf(kv: KeyValue, keys: EtcdKeys): Lease | RejectedRecord {
  return leaseInRecord(recordOf(kv), keys);
}

export function recordOf(kv: KeyValue): StoredRecord {
  const { key, value, lease, createRevision, modRevision } = kv;
  return { key, value, reservation: lease === 0n, created: createRevision, modified: modRevision };
}
