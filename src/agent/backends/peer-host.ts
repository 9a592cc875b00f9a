/** Where a peer's host is reached, for backends that route to it. */
import type { Family, Ip } from '#model/ip.ts';
import type { Lease } from '#model/lease.ts';

/** Undefined when the lease has no address of that family. */
export function hostOf({ attributes }: Lease, family: Family): Ip | undefined {
  return family === 'ipv4' ? attributes.publicIp : (attributes.publicIpv6 ?? undefined);
}
