/**
 * Keeping the lease we hold: renewal, and claiming the same subnet again when the key is gone (an operator deleted it, or an
 * outage outlasted it). Never another subnet: Pods run in this one.
 */

import { formatPublicIps, type Lease, type LeaseAttributes } from '#model/lease.ts';
import { formatSubnetKey } from '#model/subnet-key.ts';
import { Fault } from '#runtime/fault.ts';
import { isSameHost } from './own-lease.ts';
import type { LeaseStore } from './store.ts';

/** The lease as it stands now. Throws Fault `lease.lost` when somebody else has the subnet, and the store's Faults. */
export async function keepLease(
  store: LeaseStore,
  own: Lease,
  attributes: LeaseAttributes,
  ttlSeconds: number,
): Promise<Lease> {
  const renewed = await store.renew(own, attributes, ttlSeconds);
  if (renewed !== 'lost') return renewed;
  const created = await store.create(own.subnet, attributes, ttlSeconds);
  if (created !== 'taken') return created;
  const key = formatSubnetKey(own.subnet);
  const { leases, rejected } = await store.list();
  const found = leases.find((lease) => formatSubnetKey(lease.subnet) === key);
  // The key was written by an operator's hand, or by a write of ours whose answer was lost: it still names us, by the
  // address that we have now or by the one that we had.
  const names = [attributes, own.attributes];
  if (found !== undefined && names.some((each) => isSameHost(each, found.attributes))) {
    const adopted = await store.renew(found, attributes, ttlSeconds);
    if (adopted !== 'lost') return adopted;
  }
  // Nobody can read what stands there, so it is nobody else's claim: it is overwritten, if it is still the same.
  const broken = rejected.find((record) => record.subnet !== undefined && formatSubnetKey(record.subnet) === key);
  if (found === undefined && broken?.created !== undefined && broken.modified !== undefined) {
    const { created, modified } = broken;
    const mended = await store.renew({ ...own, created, modified }, attributes, ttlSeconds);
    if (mended !== 'lost') return mended;
  }
  const owner = found === undefined ? 'an unusable record' : formatPublicIps(found.attributes);
  throw new Fault('lease.lost', { what: `the subnet ${key} is leased to ${owner} now`, where: key });
}
