/** Where the simulated fleet keeps things in etcd, and what stands there, read once for the judge and for all agents. */
import { etcdKeys, leaseOf } from '#agent/leases/etcd-keys.ts';
import type { KeyValue } from '#etcd/api.ts';

export const PREFIX = '/coreos.com/network';
export const KEYS = etcdKeys(PREFIX);

/** A stored pair never changes. */
const READ = new WeakMap<KeyValue, ReturnType<typeof leaseOf>>();

export function readOnce(kv: KeyValue): ReturnType<typeof leaseOf> {
  let known = READ.get(kv);
  if (known === undefined) {
    known = leaseOf(kv, KEYS);
    READ.set(kv, known);
  }
  return known;
}
