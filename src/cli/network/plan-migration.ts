/**
 * What it takes to bring a network from one API of etcd to the other: a step for its document and one for each record.
 * Nothing on the other side is ever written over; where the two sides contradict each other, the step is refused. Pure.
 */
import type { EtcdKeys } from '#agent/leases/etcd-keys.ts';
import { leaseInRecord, type StoredRecord } from '#agent/leases/stored-record.ts';
import { conflictsBetween } from '#cli/lease/entries.ts';
import { formatSubnet } from '#cli/lease/subnet-argument.ts';
import { formatIpv4 } from '#model/ipv4.ts';
import type { Lease } from '#model/lease.ts';
import { formatConfigProblem } from '#model/network-config.ts';
import { checkDocument } from './check-document.ts';

export interface MigrationSide {
  readonly document: string | undefined;
  readonly leases: readonly StoredRecord[];
  readonly keys: EtcdKeys;
}

export interface MigrationStep {
  /** - `there`: the other side has it already; `skip`: it is no lease; `refuse`: it contradicts what is there. */
  readonly action: 'copy' | 'there' | 'skip' | 'refuse';
  readonly key: string;
  readonly value: string;
  /** Subnet, or what else it is. */
  readonly what: string;
  /** Public address of the host. */
  readonly holder?: string;
  /** Absent for what never expires. */
  readonly ttlSeconds?: number;
  readonly reason?: string;
}

/** The document comes last: who waits for it finds all leases in place. `ttls` are those of `from`, by key. */
export function planMigration(
  from: MigrationSide & { readonly document: string },
  to: MigrationSide,
  ttls: ReadonlyMap<string, number>,
): readonly MigrationStep[] {
  const there = new Map(to.leases.map((record) => [record.key, record]));
  const steps = from.leases.map((record) => recordStep(record, from.keys, to.keys, there, ttls));
  return [...refuseConflicts(steps, from, to), documentStep(from.document, to)];
}

function documentStep(document: string, to: MigrationSide): MigrationStep {
  const step = { key: to.keys.config, value: document, what: 'network configuration' };
  const checked = checkDocument(document);
  if ('problems' in checked) {
    const reason = `it is not valid: ${checked.problems.map(formatConfigProblem).join('; ')}`;
    return { ...step, action: 'refuse', reason };
  }
  if (to.document === undefined) return { ...step, action: 'copy' };
  if (to.document.trimEnd() === document.trimEnd()) return { ...step, action: 'there' };
  return { ...step, action: 'refuse', reason: 'another one is in force there' };
}

function recordStep(
  record: StoredRecord,
  fromKeys: EtcdKeys,
  toKeys: EtcdKeys,
  there: ReadonlyMap<string, StoredRecord>,
  ttls: ReadonlyMap<string, number>,
): MigrationStep {
  const lease = leaseInRecord(record, fromKeys);
  if ('reason' in lease) {
    const what = record.key.slice(record.key.lastIndexOf('/') + 1);
    return { action: 'skip', key: record.key, value: record.value, what, reason: lease.reason };
  }
  const key = toKeys.lease(lease.subnet);
  const ttlSeconds = ttls.get(record.key);
  const step = {
    key,
    value: record.value,
    what: formatSubnet(lease.subnet),
    holder: formatIpv4(lease.attributes.publicIp),
    ...(ttlSeconds !== undefined && { ttlSeconds }),
  };
  const present = there.get(key);
  if (present === undefined) {
    if (ttlSeconds !== undefined && ttlSeconds <= 0) return { ...step, action: 'skip', reason: 'it expires just now' };
    return { ...step, action: 'copy' };
  }
  if (present.value === record.value) return { ...step, action: 'there' };
  const other = leaseInRecord(present, toKeys);
  if ('reason' in other) return { ...step, action: 'refuse', reason: `its key there is unusable: ${other.reason}` };
  const holder = formatIpv4(other.attributes.publicIp);
  if (holder !== step.holder) return { ...step, action: 'refuse', reason: `it is leased to ${holder} there` };
  return { ...step, action: 'there', reason: 'its host has written it there itself' };
}

/** A lease that is to be copied must not overlap one that is there, and its host must not hold another one there. */
function refuseConflicts(
  steps: readonly MigrationStep[],
  from: MigrationSide,
  to: MigrationSide,
): readonly MigrationStep[] {
  const inFrom = leasesIn(from);
  const before = conflictsBetween([...inFrom.values()]);
  const copied = steps.flatMap((step) => (step.action === 'copy' ? (inFrom.get(step.key) ?? []) : []));
  const after = conflictsBetween([...leasesIn(to).values(), ...copied]);
  return steps.map((step) => {
    const lease = step.action === 'copy' ? inFrom.get(step.key) : undefined;
    if (lease === undefined) return step;
    const known = before.get(lease) ?? [];
    const conflicts = (after.get(lease) ?? []).filter((problem) => !known.includes(problem));
    return conflicts.length === 0 ? step : { ...step, action: 'refuse', reason: `there, ${conflicts.join('; ')}` };
  });
}

function leasesIn({ leases, keys }: MigrationSide): ReadonlyMap<string, Lease> {
  return new Map(
    leases.flatMap((record) => {
      const lease = leaseInRecord(record, keys);
      return 'reason' in lease ? [] : [[keys.lease(lease.subnet), lease]];
    }),
  );
}
