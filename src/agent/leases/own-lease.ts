/** Whose a lease is: known by the address that its host is reached at, in the network's first family (spec §2.5 step 2). */
import { sameJson } from '#model/json-document.ts';
import type { Lease, LeaseAttributes } from '#model/lease.ts';

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
 * Whether both say the same about the backend, such as the MAC of the device: no two hosts do, but for copies of a running
 * machine. False for backends that publish nothing.
 */
export function publishesSame(a: LeaseAttributes, b: LeaseAttributes): boolean {
  if (a.backendData === undefined && a.backendV6Data === undefined) return false;
  const isSame = sameJson(a.backendData, b.backendData) && sameJson(a.backendV6Data, b.backendV6Data);
  return isSame && a.backendType === b.backendType;
}

/**
 * Whether a record that stands at our own subnet and names another address may be ours from a time when we had that one. A copy
 * of this machine that runs writes the same: HostGuard.isOthers tells.
 */
export function isFormerOwn(record: LeaseAttributes, attributes: LeaseAttributes): boolean {
  return publishesSame(record, attributes);
}

/**
 * Whether what stands at the key of our lease is what stood there before we wrote it last: a backup brought it back. Whoever
 * overwrites our record leaves a later write.
 */
export function isEarlierOwn(found: Lease, own: Pick<Lease, 'created' | 'modified'>): boolean {
  return found.created === own.created && found.modified < own.modified;
}
