/** What etcd really holds, seen by nobody but the simulation: at once, whatever is cut. */
import { type HostRecord, isSameMachine, parseHostRecord } from '#agent/leases/host-record.ts';
import type { MemoryEtcd } from '#agent/leases/memory-etcd.ts';
import type { KeyValue } from '#etcd/api.ts';
import { prefixEnd } from '#etcd/api.ts';
import { formatIp } from '#model/ip.ts';
import type { Lease } from '#model/lease.ts';
import type { SubnetKey } from '#model/subnet-key.ts';
import { addressText, type SimHost } from './sim-host.ts';
import { KEYS, PREFIX, readOnce } from './stored.ts';

export function keyOf(subnet: SubnetKey): string {
  return KEYS.lease(subnet);
}

/** The lease at that key; undefined when there is none, or what is there is none. */
export function leaseAt(etcd: MemoryEtcd, key: string): Lease | undefined {
  const [kv] = etcd.keyspace.range({ key }).kvs;
  return kv === undefined ? undefined : leaseIn(kv);
}

export function leaseIn(kv: KeyValue): Lease | undefined {
  const lease = readOnce(kv);
  return 'reason' in lease ? undefined : lease;
}

const HOSTS_READ = new WeakMap<KeyValue, HostRecord | 'none'>();

function hostRecordIn(kv: KeyValue): HostRecord | undefined {
  let known = HOSTS_READ.get(kv);
  if (known === undefined) {
    known = parseHostRecord(kv.value) ?? 'none';
    HOSTS_READ.set(kv, known);
  }
  return known === 'none' ? undefined : known;
}

/** Whether etcd says that the machine has its address: its lease alone does not tell it from a clone. */
export function holdsAddress(etcd: MemoryEtcd, host: SimHost): boolean {
  const record = machineAt(etcd, addressText(host));
  return record !== undefined && isSameMachine(record, host.mark);
}

/** Whether etcd says that another machine than the host has the address which the lease names: then the host leaves it alone. */
export function isOfAnother(etcd: MemoryEtcd, host: SimHost, { attributes }: Lease): boolean {
  return machineAt(etcd, formatIp(attributes.publicIp))?.machine !== host.mark.machine;
}

function machineAt(etcd: MemoryEtcd, address: string): HostRecord | undefined {
  const [kv] = etcd.keyspace.range({ key: `${PREFIX}/hosts/${address}` }).kvs;
  return kv && hostRecordIn(kv);
}

/** Whose addresses are whose. */
export function hostPairs(etcd: MemoryEtcd): readonly KeyValue[] {
  return pairsBelow(etcd, `${PREFIX}/hosts/`);
}

export function allPairs(etcd: MemoryEtcd): readonly KeyValue[] {
  return pairsBelow(etcd, `${PREFIX}/subnets/`);
}

function pairsBelow(etcd: MemoryEtcd, key: string): readonly KeyValue[] {
  return etcd.keyspace.range({ key, rangeEnd: prefixEnd(key) }).kvs;
}

/** Every record that is a lease, by its key. */
export function allLeases(etcd: MemoryEtcd): ReadonlyMap<string, Lease> {
  const leases = allPairs(etcd).flatMap((kv) => {
    const lease = leaseIn(kv);
    return lease === undefined ? [] : [[kv.key, lease] as const];
  });
  return new Map(leases);
}

/** When each record was last taken away or written by somebody whose it is not. */
export class RecordHistory {
  readonly #etcd: MemoryEtcd;
  readonly #disturbed = new Map<string, number>();
  #allDisturbedAt = Number.NEGATIVE_INFINITY;
  #seen: number;

  constructor(etcd: MemoryEtcd) {
    this.#etcd = etcd;
    this.#seen = etcd.keyspace.revision;
  }

  /**
   * Takes note of what happened since the last time. `isRightful` says whether a lease is one that its host wrote, or
   * would write; `vanished` hears of keys that were deleted.
   */
  follow(isRightful: (lease: Lease) => boolean, vanished: (key: string) => void): void {
    const { keyspace, clock } = this.#etcd;
    if (keyspace.revision === this.#seen) return;
    const key = `${PREFIX}/subnets/`;
    const events = keyspace.eventsSince(this.#seen + 1, key, prefixEnd(key));
    this.#seen = keyspace.revision;
    for (const event of events) {
      if (event.type === 'delete') {
        this.#disturbed.set(event.key, clock.now());
        vanished(event.key);
      } else {
        const lease = leaseIn(event.kv);
        const isNew = event.kv.version === 1;
        // A record that has just come may not be known everywhere yet.
        if (isNew || lease === undefined || !isRightful(lease)) this.#disturbed.set(event.kv.key, clock.now());
      }
    }
  }

  /** Etcd is another one now. */
  restored(): void {
    this.#seen = this.#etcd.keyspace.revision;
    this.#allDisturbedAt = this.#etcd.clock.now();
  }

  disturbedAt(key: string): number {
    return Math.max(this.#disturbed.get(key) ?? Number.NEGATIVE_INFINITY, this.#allDisturbedAt);
  }
}
