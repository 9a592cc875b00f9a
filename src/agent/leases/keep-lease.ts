/**
 * Keeping the lease we hold: renewal, and claiming the same subnet again when the key is gone (an operator deleted it, or an
 * outage outlasted it). Never another subnet: Pods run in this one. Never another host's record: the older claim is the one
 * that stands in the store.
 */

import type { Lease, LeaseAttributes } from '#model/lease.ts';
import { formatSubnetKey } from '#model/subnet-key.ts';
import { Fault } from '#runtime/fault.ts';
import { contestedFault } from './contested-fault.ts';
import { isEarlierOwn, isFormerOwn, isSameHost } from './own-lease.ts';
import type { LeaseStore } from './store.ts';
import { isContested, subnetsOverlap } from './subnets-overlap.ts';

/** A race lost so often in a row is left for the next time. */
const MOST_TRIES = 3;

/** Whether another machine wrote a record that looks like one of ours from a time when we had another address. */
export type IsOthers = (lease: Lease) => Promise<boolean>;

/**
 * The lease as it stands now. `own.modified` is 0 for a subnet that is held without a key. Throws Fault `lease.contested` when
 * another host has the subnet or a part of it, `lease.lost` when the key keeps changing, and the store's Faults.
 */
export async function keepLease(
  store: LeaseStore,
  own: Lease,
  attributes: LeaseAttributes,
  ttlSeconds: number,
  isOthers: IsOthers = async () => false,
): Promise<Lease> {
  const renewed = own.modified === 0 ? 'lost' : await store.renew(own, attributes, ttlSeconds);
  if (renewed !== 'lost') return renewed;
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const claimed = await claim(store, own, attributes, ttlSeconds, isOthers);
    if (claimed !== 'lost') return claimed;
  }
  const key = formatSubnetKey(own.subnet);
  throw new Fault('lease.lost', { what: `the record of our subnet ${key} changes all the time`, where: key });
}

async function claim(
  store: LeaseStore,
  own: Lease,
  attributes: LeaseAttributes,
  ttlSeconds: number,
  isOthers: IsOthers,
): Promise<Lease | 'lost'> {
  const key = formatSubnetKey(own.subnet);
  const { leases, rejected } = await store.list();
  // What names us, by the address that we have now or by the one that we had, was written by an operator's hand, or by a
  // write of ours whose answer was lost. A backup may bring back an address that we had before that.
  const hasOurAddress = (lease: Lease): boolean =>
    [attributes, own.attributes].some((each) => isSameHost(each, lease.attributes));
  const namesUs = (lease: Lease): boolean =>
    hasOurAddress(lease) ||
    (formatSubnetKey(lease.subnet) === key && (isFormerOwn(lease.attributes, attributes) || isEarlierOwn(lease, own)));
  const rival = leases.find((lease) => !namesUs(lease) && subnetsOverlap(lease.subnet, own.subnet));
  if (rival !== undefined) throw contestedFault({ subnet: own.subnet, attributes, recorded: own }, rival);
  const found = leases.find((lease) => formatSubnetKey(lease.subnet) === key);
  if (found !== undefined) {
    if (!hasOurAddress(found) && (await isOthers(found)))
      throw contestedFault({ subnet: own.subnet, attributes, recorded: own }, found);
    return store.renew(found, attributes, ttlSeconds);
  }
  // Nobody can read what stands there, so it is nobody else's claim: it is overwritten, if it is still the same.
  const broken = rejected.find((record) => record.subnet !== undefined && formatSubnetKey(record.subnet) === key);
  if (broken?.created !== undefined && broken.modified !== undefined) {
    const { created, modified } = broken;
    return store.renew({ ...own, created, modified }, attributes, ttlSeconds);
  }
  const created = await store.create(own.subnet, attributes, ttlSeconds);
  if (created === 'taken') return 'lost';
  if (!(await isContested(store, created))) return created;
  await store.release(created);
  return 'lost';
}
