/** What lies under `<prefix>/subnets`, as an operator looks at it: usable leases and records that are none, with what is wrong. */
import { type EtcdKeys, leaseOf } from '#agent/leases/etcd-keys.ts';
import { SubnetTree } from '#agent/leases/subnet-tree.ts';
import type { KeyValue } from '#etcd/api.ts';
import { maskIpv4Cidr } from '#model/cidr.ts';
import type { Lease, RejectedRecord } from '#model/lease.ts';
import type { NetworkConfig } from '#model/network-config.ts';
import { subnetMisfit } from '#model/subnet-misfit.ts';
import { formatSubnet } from './subnet-argument.ts';

export interface LeaseEntry {
  readonly key: string;
  /** Absent when the record is no usable lease. */
  readonly lease?: Lease;
  /** Id of the etcd lease that carries the TTL; 0n for a reservation. */
  readonly etcdLease: bigint;
  readonly problems: readonly string[];
}

/** Sorted by subnet; records that are no lease come last. `network` is undefined when its document is missing or invalid. */
export function leaseEntries(
  kvs: readonly KeyValue[],
  keys: EtcdKeys,
  network: NetworkConfig | undefined,
): readonly LeaseEntry[] {
  const read = kvs.map((kv) => ({ kv, found: leaseOf(kv, keys) }));
  const leases = read.map(({ found }) => found).filter((found) => isLease(found));
  const conflicts = conflictsBetween(leases);
  const entries = read.map(({ kv, found }): LeaseEntry => {
    const base = { key: kv.key, etcdLease: kv.lease };
    if (!isLease(found)) return { ...base, problems: [found.reason] };
    const misfit = network === undefined ? undefined : subnetMisfit(found.subnet, network);
    const problems = [
      ...(misfit === undefined ? [] : [`does not fit the network: ${misfit}`]),
      ...(conflicts.get(found) ?? []),
    ];
    return { ...base, lease: found, problems };
  });
  return entries.sort((a, b) => addressOf(a) - addressOf(b) || (a.key < b.key ? -1 : 1));
}

function isLease(found: Lease | RejectedRecord): found is Lease {
  return !('reason' in found);
}

function addressOf(entry: LeaseEntry): number {
  return entry.lease?.subnet.ipv4.address ?? Number.POSITIVE_INFINITY;
}

/** Overlapping subnets, and one public address with several subnets. */
function conflictsBetween(leases: readonly Lease[]): ReadonlyMap<Lease, readonly string[]> {
  const conflicts = new Map<Lease, string[]>();
  const report = (lease: Lease, problem: string): void => {
    conflicts.set(lease, [...(conflicts.get(lease) ?? []), problem]);
  };
  const tree = new SubnetTree(leases.map((lease) => maskIpv4Cidr(lease.subnet.ipv4)));
  for (const [index, lease] of leases.entries()) {
    for (const around of tree.around(index)) {
      const other = leases[around];
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
