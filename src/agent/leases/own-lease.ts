/** Whose a lease is: known by the address that its host is reached at, in the network's first family (spec §2.5 step 2). */
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
