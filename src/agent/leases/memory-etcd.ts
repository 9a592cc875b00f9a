/**
 * MemoryEtcd: a strict etcd in memory that many clients share, with revisions, TTL by Clock, compaction, outages and
 * hostile writes. It stands in for the `Etcd` interface and not for LeaseStore, so that simulations run the real lease
 * store too, and a fault can fall between any two of its round trips; the cost is one small key space.
 */
import type { LeaseInfo } from '#etcd/api.ts';
import type { Clock } from '#runtime/clock.ts';
import { MemoryEtcdClient, unreachable } from './memory-etcd-client.ts';
import { type KeyspaceBackup, MemoryKeyspace } from './memory-keyspace.ts';

export interface MemoryEtcdOptions {
  readonly clock: Clock;
  /** How long a message takes, each way; absent: until the next microtask. */
  readonly latencyMs?: () => number;
  /** How long a client waits for an etcd that does not answer; absent: it hears at once that there is none. */
  readonly timeoutMs?: number;
}

/** A moment of an etcd to go back to. */
export interface EtcdBackup {
  readonly keyspace: KeyspaceBackup;
  readonly ttlSeconds: ReadonlyMap<bigint, number>;
}

/** etcd's shortest TTL with its default election timeout. */
const SHORTEST_TTL_SECONDS = 2;

export class MemoryEtcd {
  readonly keyspace = new MemoryKeyspace();
  readonly clock: Clock;
  readonly #latencyMs: (() => number) | undefined;
  readonly #timeoutMs: number | undefined;
  readonly #clients = new Set<MemoryEtcdClient>();
  readonly #leases = new Map<bigint, { ttlSeconds: number; expiresAt: number; cancel: () => void }>();
  #lastLease = 0x1000n;
  #running = true;
  /** Grows with every restore: who watched before must list again. */
  #generation = 0;

  constructor(options: MemoryEtcdOptions) {
    this.clock = options.clock;
    this.#latencyMs = options.latencyMs;
    this.#timeoutMs = options.timeoutMs;
  }

  connect(): MemoryEtcdClient {
    const client = new MemoryEtcdClient(this);
    this.#clients.add(client);
    return client;
  }

  forget(client: MemoryEtcdClient): void {
    this.#clients.delete(client);
  }

  get running(): boolean {
    return this.#running;
  }

  get generation(): number {
    return this.#generation;
  }

  backup(): EtcdBackup {
    const ttlSeconds = new Map([...this.#leases].map(([id, lease]) => [id, lease.ttlSeconds]));
    return { keyspace: this.keyspace.backup(), ttlSeconds };
  }

  /** Stops, goes back to the backup and starts: every lease lives its whole TTL again, as after an election. */
  restore({ keyspace, ttlSeconds }: EtcdBackup): void {
    this.stop();
    for (const { cancel } of this.#leases.values()) cancel();
    this.#leases.clear();
    this.keyspace.restore(keyspace);
    for (const [id, seconds] of ttlSeconds) {
      this.#leases.set(id, { ttlSeconds: seconds, expiresAt: 0, cancel: () => undefined });
      this.keepAlive(id);
    }
    this.#generation += 1;
    this.start();
  }

  /** The whole etcd goes away: every verb of every client throws, every watch is interrupted. TTLs run on. */
  stop(): void {
    this.#running = false;
    for (const client of this.#clients) client.reachabilityChanged();
  }

  start(): void {
    this.#running = true;
    for (const client of this.#clients) client.reachabilityChanged();
  }

  /** A write by somebody else, at once and of anything. Returns its revision. */
  putRaw(key: string, value: string, lease = 0n): number {
    return this.change(() => this.keyspace.txn({ compare: [], success: [{ type: 'put', key, value, lease }] }))
      .revision;
  }

  deleteRaw(key: string): void {
    this.change(() => this.keyspace.txn({ compare: [], success: [{ type: 'delete', key }] }));
  }

  /** Runs a change of the key space and wakes the watches. */
  change<T>(work: () => T): T {
    const { revision, compacted } = this.keyspace;
    const result = work();
    const isNews = revision !== this.keyspace.revision || compacted !== this.keyspace.compacted;
    if (isNews) for (const client of this.#clients) client.pump();
    return result;
  }

  /** How long a message is under way. */
  async travel(): Promise<void> {
    const latencyMs = this.#latencyMs;
    if (latencyMs !== undefined) await new Promise<void>((resolve) => this.clock.after(latencyMs(), resolve));
  }

  /** What a client without an etcd ends with, after it has waited. */
  async unanswered(): Promise<never> {
    const waitMs = this.#timeoutMs;
    if (waitMs !== undefined) await new Promise<void>((resolve) => this.clock.after(waitMs, resolve));
    throw unreachable();
  }

  grant(seconds: number): { readonly id: bigint; readonly ttlSeconds: number } {
    const ttlSeconds = Math.max(seconds, SHORTEST_TTL_SECONDS);
    this.#lastLease += 1n;
    const id = this.#lastLease;
    this.keyspace.grant(id);
    this.#leases.set(id, { ttlSeconds, expiresAt: 0, cancel: () => undefined });
    this.keepAlive(id);
    return { id, ttlSeconds };
  }

  keepAlive(id: bigint): number {
    const lease = this.#leases.get(id);
    if (lease === undefined) return 0;
    lease.cancel();
    lease.expiresAt = this.clock.now() + lease.ttlSeconds * 1000;
    lease.cancel = this.clock.after(lease.ttlSeconds * 1000, () => this.revoke(id));
    return lease.ttlSeconds;
  }

  revoke(id: bigint): boolean {
    this.#leases.get(id)?.cancel();
    this.#leases.delete(id);
    return this.change(() => this.keyspace.revoke(id));
  }

  /** Etcd leases alive, with or without keys. */
  get leaseCount(): number {
    return this.#leases.size;
  }

  timeToLive(id: bigint): LeaseInfo {
    const lease = this.#leases.get(id);
    if (lease === undefined) return { ttlSeconds: -1, grantedTtlSeconds: 0, keys: [] };
    const ttlSeconds = Math.floor((lease.expiresAt - this.clock.now()) / 1000);
    return { ttlSeconds, grantedTtlSeconds: lease.ttlSeconds, keys: this.keyspace.keysOf(id) ?? [] };
  }
}
