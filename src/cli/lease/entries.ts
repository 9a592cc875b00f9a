/** What lies under `<prefix>/subnets`, as an operator looks at it: usable leases and records that are none, with what is wrong. */
import type { EtcdKeys } from '#agent/leases/etcd-keys.ts';
import { leaseInRecord, type StoredRecord } from '#agent/leases/stored-record.ts';
import { SubnetTree } from '#agent/leases/subnet-tree.ts';
import { maskIpv4Cidr } from '#model/cidr.ts';
import type { Lease, RejectedRecord } from '#model/lease.ts';
import type { NetworkConfig } from '#model/network-config.ts';
import { subnetMisfit } from '#model/subnet-misfit.ts';
import { formatSubnet } from './subnet-argument.ts';

export interface LeaseEntry {
  readonly record: StoredRecord;
  /** Absent when the record is no usable lease. */
  readonly lease?: Lease;
  readonly problems: readonly string[];
}

/** Sorted by subnet; records that are no lease come last. `network` is undefined when its document is missing or invalid. */
export function leaseEntries(
  records: readonly StoredRecord[],
  keys: EtcdKeys,
  network: NetworkConfig | undefined,
): readonly LeaseEntry[] {
  const read = records.map((record) => ({ record, found: leaseInRecord(record, keys) }));
  const leases = read.map(({ found }) => found).filter((found) => isLease(found));
  const conflicts = conflictsBetween(leases);
  const entries = read.map(({ record, found }): LeaseEntry => {
    if (!isLease(found)) return { record, problems: [found.reason] };
    const misfit = network === undefined ? undefined : subnetMisfit(found.subnet, network);
    const problems = [
      ...(misfit === undefined ? [] : [`does not fit the network: ${misfit}`]),
      ...(conflicts.get(found) ?? []),
    ];
    return { record, lease: found, problems };
  });
  return entries.sort((a, b) => addressOf(a) - addressOf(b) || (a.record.key < b.record.key ? -1 : 1));
}

function isLease(found: Lease | RejectedRecord): found is Lease {
  return !('reason' in found);
}

function addressOf(entry: LeaseEntry): number {
  return entry.lease?.subnet.ipv4?.address ?? Number.POSITIVE_INFINITY;
}

/** What is wrong between leases: overlapping IPv4 subnets, and one public address with several subnets. */
export function conflictsBetween(leases: readonly Lease[]): ReadonlyMap<Lease, readonly string[]> {
  const conflicts = new Map<Lease, string[]>();
  const report = (lease: Lease, problem: string): void => {
    conflicts.set(lease, [...(conflicts.get(lease) ?? []), problem]);
  };
  const inIpv4 = leases.flatMap((lease) =>
    lease.subnet.ipv4 === undefined ? [] : [{ lease, cidr: lease.subnet.ipv4 }],
  );
  const tree = new SubnetTree(inIpv4.map(({ cidr }) => maskIpv4Cidr(cidr)));
  for (const [index, { lease }] of inIpv4.entries()) {
    for (const around of tree.around(index)) {
      const other = inIpv4[around]?.lease;
      if (other === undefined) continue;
      report(lease, `overlaps ${formatSubnet(other.subnet)}`);
      report(other, `overlaps ${formatSubnet(lease.subnet)}`);
    }
  }
  for (const [publicIp, same] of Map.groupBy(leases, (lease) => lease.attributes.publicIp)) {
    if (same.length < 2 || publicIp === 0) continue;
    for (const lease of same) report(lease, `its public address has ${same.length} leases`);
  }
  return conflicts;
}
