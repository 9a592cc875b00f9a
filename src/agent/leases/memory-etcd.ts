/**
 * MemoryEtcd: a strict etcd in memory that many clients share, with revisions, TTL by Clock, compaction, outages and
 * hostile writes. It stands in for the `Etcd` interface and not for LeaseStore, so that simulations run the real lease
 * store too, and a fault can fall between any two of its round trips; the cost is one small key space.
 */
import type {
  DeleteRequest,
  Etcd,
  LeaseInfo,
  MemberStatus,
  PutRequest,
  RangeRequest,
  RangeResponse,
  TxnRequest,
  TxnResponse,
  WatchListener,
  WatchRequest,
} from '#etcd/api.ts';
import type { Clock } from '#runtime/clock.ts';
import { Fault } from '#runtime/fault.ts';
import { type KeyspaceBackup, KeyspaceRefusal, MemoryKeyspace } from './memory-keyspace.ts';

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

interface Watcher {
  readonly request: WatchRequest;
  readonly listener: WatchListener;
  next: number;
  generation: number;
  /** A delivery is under way or the listener lists again. */
  busy: boolean;
  open: boolean;
}

/** One client's connection; it can be cut off from the others' etcd. */
export class MemoryEtcdClient implements Etcd {
  readonly #etcd: MemoryEtcd;
  readonly #watchers = new Set<Watcher>();
  #cut = false;
  #wasReachable = true;
  #closed = false;
  #killed = false;
  /** Grows when the connection breaks: what was under way then is never answered. */
  #connection = 0;
  /** Transactions and grants sent: a test sees whether anything was written. */
  written = 0;

  constructor(etcd: MemoryEtcd) {
    this.#etcd = etcd;
  }

  /** Cuts this client off; requests that are under way lose their answers. */
  cut(): void {
    this.#cut = true;
    this.reachabilityChanged();
  }

  heal(): void {
    this.#cut = false;
    this.reachabilityChanged();
  }

  range(request: RangeRequest): Promise<RangeResponse> {
    return this.#call(() => this.#etcd.keyspace.range(request));
  }

  put(request: PutRequest): Promise<{ readonly revision: number }> {
    return this.txn({ compare: [], success: [{ type: 'put', ...request }] });
  }

  async delete(request: DeleteRequest): Promise<{ readonly deleted: number; readonly revision: number }> {
    const { revision, responses } = await this.txn({ compare: [], success: [{ type: 'delete', ...request }] });
    const [response] = responses;
    return { deleted: response?.type === 'delete' ? response.deleted : 0, revision };
  }

  txn(request: TxnRequest): Promise<TxnResponse> {
    this.written += 1;
    return this.#call(() => this.#etcd.change(() => this.#etcd.keyspace.txn(request)));
  }

  leaseGrant(ttlSeconds: number): Promise<{ readonly id: bigint; readonly ttlSeconds: number }> {
    this.written += 1;
    return this.#call(() => this.#etcd.grant(ttlSeconds));
  }

  leaseRevoke(id: bigint): Promise<void> {
    return this.#call(() => {
      if (!this.#etcd.revoke(id)) throw new KeyspaceRefusal('etcdserver: requested lease not found');
    });
  }

  leaseKeepAlive(id: bigint): Promise<number> {
    return this.#call(() => this.#etcd.keepAlive(id));
  }

  leaseTimeToLive(id: bigint, withKeys = false): Promise<LeaseInfo> {
    return this.#call(() => {
      const info = this.#etcd.timeToLive(id);
      return withKeys ? info : { ...info, keys: [] };
    });
  }

  compact(revision: number): Promise<void> {
    return this.#call(() => this.#etcd.change(() => this.#etcd.keyspace.compact(revision)));
  }

  async status(): Promise<readonly (MemberStatus | { readonly endpoint: string; readonly fault: Fault })[]> {
    const endpoint = 'memory';
    if (!this.#reachable) return [{ endpoint, fault: unreachable() }];
    const raft = { raftTerm: 1, raftIndex: this.#etcd.keyspace.revision };
    return [{ endpoint, memberId: 1n, leaderId: 1n, version: '3.4.0', dbSizeBytes: 0, ...raft }];
  }

  watch(request: WatchRequest, listener: WatchListener): { close(): void } {
    const { generation } = this.#etcd;
    const watcher: Watcher = { request, listener, next: request.startRevision, generation, busy: false, open: true };
    this.#watchers.add(watcher);
    if (this.#reachable) this.#deliver(watcher);
    else listener.interrupted?.(unreachable());
    return {
      close: () => {
        watcher.open = false;
        this.#watchers.delete(watcher);
      },
    };
  }

  close(): void {
    this.#closed = true;
    for (const watcher of this.#watchers) watcher.open = false;
    this.#watchers.clear();
    this.#etcd.forget(this);
  }

  /** The process at this end dies: what is under way reaches the etcd, and nothing ever comes back. */
  kill(): void {
    this.#killed = true;
    this.close();
  }

  /** The etcd has news: every watch looks for its own. */
  pump(): void {
    for (const watcher of this.#watchers) if (!this.#isNoNews(watcher)) this.#deliver(watcher);
  }

  /** Whether the watch is up to date and what was written is none of its keys: no message goes out for that. */
  #isNoNews(watcher: Watcher): boolean {
    const { keyspace, generation } = this.#etcd;
    const { request, busy, next } = watcher;
    if (busy || !this.#reachable || watcher.generation !== generation) return false;
    if (next > keyspace.revision || next <= keyspace.compacted) return false;
    if (keyspace.eventsSince(next, request.key, request.rangeEnd).length > 0) return false;
    watcher.next = keyspace.revision + 1;
    return true;
  }

  /** Tells the watches when this client has lost its etcd or found it again. */
  reachabilityChanged(): void {
    const reachable = this.#reachable;
    if (reachable === this.#wasReachable) return;
    this.#wasReachable = reachable;
    if (!reachable) this.#connection += 1;
    for (const { listener } of [...this.#watchers]) {
      if (reachable) listener.resumed?.();
      else listener.interrupted?.(unreachable());
    }
    this.pump();
  }

  get #reachable(): boolean {
    return this.#etcd.running && !this.#cut && !this.#closed;
  }

  async #call<T>(work: () => T): Promise<T> {
    const connection = this.#connection;
    await this.#etcd.travel();
    const arrives = this.#killed ? this.#etcd.running && !this.#cut : this.#reachable;
    if (!arrives) return this.#etcd.unanswered();
    const result = attempt(work);
    await this.#etcd.travel();
    if (this.#killed) return new Promise<T>(() => undefined);
    if (!this.#reachable || connection !== this.#connection) return this.#etcd.unanswered();
    return result();
  }

  #deliver(watcher: Watcher): void {
    if (watcher.busy || !watcher.open) return;
    watcher.busy = true;
    this.#bring(watcher).then(
      (more) => {
        watcher.busy = false;
        // What was written between the last look and now found the watcher busy.
        if (more || (this.#reachable && watcher.next <= this.#etcd.keyspace.revision)) this.#deliver(watcher);
      },
      () => {
        // The listener could not list again: ask it anew after a pause, as the real client does.
        this.#etcd.clock.after(100, () => {
          watcher.busy = false;
          this.#deliver(watcher);
        });
      },
    );
  }

  /** Brings what is pending at the moment of arrival; true when it should look again. */
  async #bring(watcher: Watcher): Promise<boolean> {
    const { keyspace } = this.#etcd;
    await this.#etcd.travel();
    if (!watcher.open || !this.#reachable) return false;
    const { generation } = this.#etcd;
    // A revision that is not there yet was seen in another history, too.
    const wentBack = watcher.generation !== generation || watcher.next > keyspace.revision + 1;
    if (wentBack || watcher.next <= keyspace.compacted) {
      const what = wentBack ? 'etcd went back in time' : 'the revision is compacted away';
      watcher.next = await watcher.listener.lost(new Fault('etcd.compacted', { what }));
      watcher.generation = generation;
      return true;
    }
    if (watcher.next > keyspace.revision) return false;
    const { key, rangeEnd } = watcher.request;
    const events = keyspace.eventsSince(watcher.next, key, rangeEnd);
    watcher.next = keyspace.revision + 1;
    if (events.length > 0) watcher.listener.events(events, keyspace.revision);
    return true;
  }
}

/** The outcome of the work, to be taken (or thrown) when its message arrives. */
function attempt<T>(work: () => T): () => T {
  try {
    const result = work();
    return () => result;
  } catch (error) {
    if (!(error instanceof KeyspaceRefusal)) throw error;
    return () => {
      throw new Fault('etcd.refused', { what: error.message, where: 'memory' });
    };
  }
}

function unreachable(): Fault {
  return new Fault('etcd.tcp', { what: 'cannot connect to etcd', where: 'memory' });
}
