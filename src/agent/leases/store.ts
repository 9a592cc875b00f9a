/**
 * LeaseStore: the seam between the agent and whatever coordinates the fleet (etcd v3, etcd v2, Kubernetes; in memory for
 * tests). Every write is a compare-and-set on our own key. Verbs throw a Fault when the store cannot be reached; what
 * the store decides (taken, lost) is an answer, not a Fault. (A store with HostKeys has one more: `lease.clone`.)
 */
import type { Lease, LeaseAttributes, RejectedRecord } from '#model/lease.ts';
import type { SubnetKey } from '#model/subnet-key.ts';
import type { Fault } from '#runtime/fault.ts';
import type { HostKeys } from './host-keys.ts';

export interface LeaseSnapshot {
  /** Store revision of the listing; a watch continues after it. */
  readonly revision: number;
  readonly leases: readonly Lease[];
  readonly rejected: readonly RejectedRecord[];
  /** Present where the store assigns the subnets (Kubernetes) and knows this host; our lease is then not among `leases`. */
  readonly own?: AssignedLease;
}

/** What a store that assigns the subnets tells of this host. */
export interface AssignedLease {
  /** The name that the store knows this host by. */
  readonly node: string;
  /** The subnet with what is published for it now, maybe nothing; or why there is none. */
  readonly lease: Lease | Fault;
}

export type LeaseChange =
  | { readonly type: 'put'; readonly lease: Lease }
  | { readonly type: 'gone'; readonly subnet: SubnetKey }
  | { readonly type: 'rejected'; readonly record: RejectedRecord };

export type LeaseEvent =
  /** The whole truth at a revision: after compaction or a store that went back in time. */
  | ({ readonly type: 'snapshot' } & LeaseSnapshot)
  | { readonly type: 'changes'; readonly revision: number; readonly changes: readonly LeaseChange[] }
  /** The watch is cut; it goes on trying by itself. Nothing is withdrawn because of it. */
  | { readonly type: 'interrupted'; readonly fault: Fault }
  | { readonly type: 'resumed' };

export interface LeaseStore {
  /**
   * Absent where the detector of cloned hosts is off, and in Kubernetes: a node is known by its name there. Goes away when the
   * first write shows that our role does not reach these keys: a lease counts for more.
   */
  readonly hosts?: HostKeys | undefined;
  /** The network document as stored, or undefined when there is none. */
  config(): Promise<string | undefined>;
  list(): Promise<LeaseSnapshot>;
  /** A hint that `create` or `renew` comes soon: what they need can be fetched beside other calls. */
  prepareGrant(ttlSeconds: number): void;
  /** Create-if-absent with a time to live. */
  create(subnet: SubnetKey, attributes: LeaseAttributes, ttlSeconds: number): Promise<Lease | 'taken'>;
  /**
   * Writes our key anew if it is still at `own.modified`. A reservation stays one (no TTL is ever given to it).
   * `lost` when the key is gone or somebody else wrote it.
   */
  renew(own: Lease, attributes: LeaseAttributes, ttlSeconds: number): Promise<Lease | 'lost'>;
  /** Deletes our key if it is still at `own.modified`. */
  release(own: Lease): Promise<'released' | 'lost'>;
  /** Events after `revision`, in order, for ever; resumes by itself. The function returned ends it. */
  watch(revision: number, listener: (event: LeaseEvent) => void): () => void;
  close(): void;
}
