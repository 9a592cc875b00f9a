/** MemoryEtcdClient: one client's connection to a MemoryEtcd, with its watches; it can be cut off from the others' etcd. */
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
import { Fault } from '#runtime/fault.ts';
import type { MemoryEtcd } from './memory-etcd.ts';
import { KeyspaceRefusal } from './memory-keyspace.ts';

interface Watcher {
  readonly request: WatchRequest;
  readonly listener: WatchListener;
  next: number;
  generation: number;
  /** A delivery is under way or the listener lists again. */
  busy: boolean;
  open: boolean;
}

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

/** What a client says of an etcd that is not there. */
export function unreachable(): Fault {
  return new Fault('etcd.tcp', { what: 'cannot connect to etcd', where: 'memory' });
}
