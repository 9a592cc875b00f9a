/**
 * LeaseStore on etcd v3 (spec §2): the same keys, values and create-if-absent transaction as flannel, but every write is
 * a compare-and-set on our own key (D-24), no TTL is read per key (D-26), and no event ends the watch (D-01, D-02).
 *
 * When the answer to a write is lost, its etcd lease is left alone: revoking it would delete the key if the write took
 * place after all. The next renewal recognises such a write by its value; the next acquisition by the PublicIP.
 */
import { type Etcd, prefixEnd, type WatchEvent } from '#etcd/api.ts';
import type { Lease, LeaseAttributes, RejectedRecord } from '#model/lease.ts';
import { encodeLeaseRecord } from '#model/lease-record.ts';
import type { SubnetKey } from '#model/subnet-key.ts';
import { type Clock, systemClock } from '#runtime/clock.ts';
import { Fault } from '#runtime/fault.ts';
import { type ClaimedPut, type ClaimOutcome, EtcdHostKeys } from './etcd-host-keys.ts';
import { type EtcdKeys, etcdKeys, leaseOf } from './etcd-keys.ts';
import { listRange } from './etcd-listing.ts';
import type { HostMark } from './host-record.ts';
import type { LeaseChange, LeaseEvent, LeaseSnapshot, LeaseStore } from './store.ts';

export interface EtcdLeaseStoreOptions {
  /** Not closed by the store. */
  readonly etcd: Etcd;
  /** `/coreos.com/network` or the like. */
  readonly prefix: string;
  readonly clock?: Clock;
  /** This machine; without it no host keys are written. */
  readonly mark?: HostMark | undefined;
  /** How a stored pair is read; a simulation reads each once for all its hosts. */
  readonly read?: typeof leaseOf;
}

/** An etcd lease that was asked for and has no key yet. */
interface Grant {
  readonly id: Promise<bigint>;
  readonly ttlSeconds: number;
  readonly sinceMs: number;
}

/** A grant may age by this part of its life before it is used; the key then expires that much earlier. */
const SPARE_AGE = 1 / 100;

/** A key that says what we would write is taken for our own earlier write so often, then somebody else is at it. */
const RENEW_TRIES = 3;

export class EtcdLeaseStore implements LeaseStore {
  hosts: EtcdHostKeys | undefined;
  readonly #etcd: Etcd;
  readonly #keys: EtcdKeys;
  readonly #clock: Clock;
  readonly #read: typeof leaseOf;
  #spare: Grant | undefined;
  /** The etcd lease that each key we wrote is attached to. */
  readonly #attached = new Map<string, bigint>();

  constructor(options: EtcdLeaseStoreOptions) {
    this.#etcd = options.etcd;
    this.#keys = etcdKeys(options.prefix);
    this.#clock = options.clock ?? systemClock;
    this.#read = options.read ?? leaseOf;
    this.hosts = options.mark && new EtcdHostKeys(this.#etcd, this.#keys, options.mark);
  }

  async config(): Promise<string | undefined> {
    const response = await this.#etcd.range({ key: this.#keys.config });
    return response.kvs[0]?.value;
  }

  async list(): Promise<LeaseSnapshot> {
    const key = this.#keys.subnets;
    const leases: Lease[] = [];
    const rejected: RejectedRecord[] = [];
    const revision = await listRange(this.#etcd, key, prefixEnd(key), (kv) => {
      const lease = this.#read(kv, this.#keys);
      if ('reason' in lease) rejected.push(lease);
      else leases.push(lease);
    });
    return { revision, leases, rejected };
  }

  /**
   * Asks for the etcd lease that the next create or renew will use, so that the round trip runs beside others (the
   * listing at start). At most one is kept; a failure shows when it is used.
   */
  prepareGrant(ttlSeconds: number): void {
    if (this.#isFresh(this.#spare, ttlSeconds)) return;
    this.#dropSpare();
    this.#spare = this.#grant(ttlSeconds);
  }

  async create(subnet: SubnetKey, attributes: LeaseAttributes, ttlSeconds: number): Promise<Lease | 'taken'> {
    const key = this.#keys.lease(subnet);
    const grant = await this.#takeGrant(ttlSeconds);
    const lease = await grant.id;
    const outcome = await this.#put({ key, value: encodeLeaseRecord(attributes), lease, attributes, at: 0 });
    if (outcome.type !== 'written') {
      this.#keepSpare(grant);
      if (outcome.type === 'held') throw outcome.fault;
      return 'taken';
    }
    this.#attached.set(key, lease);
    const { revision } = outcome;
    return { subnet, attributes, reservation: false, created: revision, modified: revision };
  }

  renew(own: Lease, attributes: LeaseAttributes, ttlSeconds: number): Promise<Lease | 'lost'> {
    return this.#renew(own, attributes, ttlSeconds, RENEW_TRIES);
  }

  async #renew(own: Lease, attributes: LeaseAttributes, ttlSeconds: number, tries: number): Promise<Lease | 'lost'> {
    const key = this.#keys.lease(own.subnet);
    const value = encodeLeaseRecord(attributes);
    const grant = own.reservation ? undefined : await this.#takeGrant(ttlSeconds);
    const lease = await grant?.id;
    const outcome = await this.#put({ key, value, lease: lease ?? 0n, attributes, at: own.modified });
    if (outcome.type === 'written') {
      this.#revoke(this.#attached.get(key));
      if (lease !== undefined) this.#attached.set(key, lease);
      return { ...own, attributes, modified: outcome.revision };
    }
    if (grant !== undefined) this.#keepSpare(grant);
    if (outcome.type === 'held') throw outcome.fault;
    const { stored } = outcome;
    if (stored?.createRevision !== own.created || stored.value !== value || tries <= 1) return 'lost';
    const current = { ...own, reservation: stored.lease === 0n, modified: stored.modRevision };
    return this.#renew(current, attributes, ttlSeconds, tries - 1);
  }

  /** With the key of the host, unless there is no mark to write or the role in etcd does not reach it. */
  async #put(put: ClaimedPut): Promise<ClaimOutcome> {
    const { hosts } = this;
    if (hosts === undefined) return this.#putAlone(put);
    try {
      return await hosts.claim(put);
    } catch (error) {
      if (!(error instanceof Fault) || error.code !== 'etcd.auth') throw error;
      const outcome = await this.#putAlone(put);
      this.hosts = undefined;
      return outcome;
    }
  }

  async #putAlone({ key, value, lease, at }: ClaimedPut): Promise<ClaimOutcome> {
    const { succeeded, revision, responses } = await this.#etcd.txn({
      compare: [{ target: 'modRevision', key, equals: at }],
      success: [{ type: 'put', key, value, lease }],
      failure: [{ type: 'range', key }],
    });
    if (succeeded) return { type: 'written', revision };
    const [found] = responses;
    return { type: 'refused', stored: found?.type === 'range' ? found.kvs[0] : undefined };
  }

  async release(own: Lease): Promise<'released' | 'lost'> {
    const key = this.#keys.lease(own.subnet);
    const response = await this.#etcd.txn({
      compare: [{ target: 'modRevision', key, equals: own.modified }],
      success: [{ type: 'delete', key }],
    });
    if (!response.succeeded) return 'lost';
    this.#revoke(this.#attached.get(key));
    this.#attached.delete(key);
    return 'released';
  }

  watch(revision: number, listener: (event: LeaseEvent) => void): () => void {
    const key = this.#keys.subnets;
    let open = true;
    const tell = (event: LeaseEvent): void => {
      if (open) listener(event);
    };
    const handle = this.#etcd.watch(
      { key, rangeEnd: prefixEnd(key), startRevision: revision + 1 },
      {
        events: (events, seen) => {
          const changes = events.flatMap((event) => this.#changeOf(event));
          if (changes.length > 0) tell({ type: 'changes', revision: seen, changes });
        },
        lost: async () => {
          const snapshot = await this.list();
          tell({ type: 'snapshot', ...snapshot });
          return snapshot.revision + 1;
        },
        interrupted: (fault) => tell({ type: 'interrupted', fault }),
        resumed: () => tell({ type: 'resumed' }),
      },
    );
    return () => {
      open = false;
      handle.close();
    };
  }

  /** Gives back a grant that was prepared and not used. */
  close(): void {
    this.#dropSpare();
  }

  #changeOf(event: WatchEvent): LeaseChange[] {
    if (event.type === 'delete') {
      const subnet = this.#keys.subnetOf(event.key);
      return subnet === undefined ? [] : [{ type: 'gone', subnet }];
    }
    const lease = this.#read(event.kv, this.#keys);
    return ['reason' in lease ? { type: 'rejected', record: lease } : { type: 'put', lease }];
  }

  async #takeGrant(ttlSeconds: number): Promise<Grant> {
    this.prepareGrant(ttlSeconds);
    const grant = this.#spare ?? this.#grant(ttlSeconds);
    this.#spare = undefined;
    try {
      await grant.id;
      return grant;
    } catch {
      // It may have been prepared while etcd was away.
      return this.#grant(ttlSeconds);
    }
  }

  #grant(ttlSeconds: number): Grant {
    const id = this.#etcd.leaseGrant(ttlSeconds).then((granted) => granted.id);
    // Whoever uses it awaits it; until then a failure is nobody's.
    id.catch(() => undefined);
    return { id, ttlSeconds, sinceMs: this.#clock.now() };
  }

  #isFresh(grant: Grant | undefined, ttlSeconds: number): boolean {
    if (grant?.ttlSeconds !== ttlSeconds) return false;
    return this.#clock.now() - grant.sinceMs <= ttlSeconds * 1000 * SPARE_AGE;
  }

  #keepSpare(grant: Grant): void {
    this.#dropSpare();
    this.#spare = grant;
  }

  #dropSpare(): void {
    this.#spare?.id.then((id) => this.#revoke(id)).catch(() => undefined);
    this.#spare = undefined;
  }

  /** Beside everything else: a grant that is not revoked expires by itself. */
  #revoke(id: bigint | undefined): void {
    if (id !== undefined) this.#etcd.leaseRevoke(id).catch(() => undefined);
  }
}
