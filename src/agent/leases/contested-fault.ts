/** Fault `lease.contested` with both claims: whose the subnet is in the store, and what we have of it. */
import { formatPublicIps, type Lease, type LeaseAttributes } from '#model/lease.ts';
import { formatSubnetKey, type SubnetKey } from '#model/subnet-key.ts';
import { Fault } from '#runtime/fault.ts';

export interface OwnClaim {
  readonly subnet: SubnetKey;
  /** What we would publish. */
  readonly attributes: LeaseAttributes;
  /** Our record as we last knew it, if we do. */
  readonly recorded?: Pick<Lease, 'created' | 'modified'> | undefined;
}

export function contestedFault({ subnet, attributes, recorded }: OwnClaim, rival: Lease): Fault {
  const key = formatSubnetKey(subnet);
  const ours =
    recorded === undefined || recorded.modified === 0
      ? 'no revision of it is known'
      : `created at revision ${recorded.created}, last written at ${recorded.modified}`;
  return new Fault('lease.contested', {
    what: `the subnet ${key}, which this host (${formatPublicIps(attributes)}) uses, is leased to ${formatPublicIps(rival.attributes)} now`,
    where: formatSubnetKey(rival.subnet),
    why: `its claim was created at revision ${rival.created}, last written at ${rival.modified}; ours (${ours}) has expired, or was removed or overwritten`,
  });
}
