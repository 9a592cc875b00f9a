/** Whose a lease is: known by the address that its host is reached at, in the network's first family (spec §2.5 step 2). */
import type { Lease, LeaseAttributes } from '#model/lease.ts';
import { sameLeaseAttributes } from '#model/lease-record.ts';

/** Whether both are of one host. An absent address (0.0.0.0, null) is nobody's. */
export function isSameHost(a: LeaseAttributes, b: LeaseAttributes): boolean {
  if (a.publicIp !== 0 || b.publicIp !== 0) return a.publicIp === b.publicIp;
  return a.publicIpv6 !== null && a.publicIpv6 === b.publicIpv6;
}

/** The leases of the host that publishes these attributes, oldest claim first. */
export function ownLeases(leases: readonly Lease[], attributes: LeaseAttributes): readonly Lease[] {
  return leases.filter((lease) => isSameHost(lease.attributes, attributes)).sort((a, b) => a.created - b.created);
}

/**
 * Whether a record that stands at our own subnet is ours from a time when we had another address: its backend data, such as
 * the MAC of our device, is what no other host publishes. False for backends that publish none.
 */
export function isFormerOwn(record: LeaseAttributes, attributes: LeaseAttributes): boolean {
  const { backendData, backendV6Data } = record;
  if (backendData === undefined && backendV6Data === undefined) return false;
  const { publicIp, publicIpv6 } = attributes;
  return sameLeaseAttributes({ ...record, publicIp, publicIpv6 }, attributes);
}

/**
 * Whether what stands at the key of our lease is what stood there before we wrote it last: a backup brought it back. Whoever
 * overwrites our record leaves a later write.
 */
export function isEarlierOwn(found: Lease, own: Pick<Lease, 'created' | 'modified'>): boolean {
  return found.created === own.created && found.modified < own.modified;
}
