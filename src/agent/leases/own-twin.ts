/**
 * Twins: older records of this host beside the lease that it has now. A backup of etcd brings them back, or a move. Peers go by
 * the older claim, so a twin can cost the subnet that Pods run in; only its own host can tell that it is one.
 */
import type { Lease } from '#model/lease.ts';
import { formatSubnetKey } from '#model/subnet-key.ts';
import { isSameHost, publishesSame } from './own-lease.ts';

/** Whether the record names this host: by its address, or by the backend data that no other host publishes. */
export function namesOwner(lease: Lease, own: Lease): boolean {
  const isNamed = isSameHost(lease.attributes, own.attributes) || publishesSame(lease.attributes, own.attributes);
  return isNamed && formatSubnetKey(lease.subnet) !== formatSubnetKey(own.subnet);
}

/**
 * Whether a record that names this host may be given up. A reservation is the operator's. A younger claim harms nobody, and may
 * be a clone's. With other backend data than ours it is ours if nobody has written it since we have our lease.
 */
export function isTwin(lease: Lease, own: Lease): boolean {
  if (lease.reservation || own.modified === 0 || lease.created >= own.created || !namesOwner(lease, own)) return false;
  return lease.modified < (publishesSame(lease.attributes, own.attributes) ? own.modified : own.created);
}
