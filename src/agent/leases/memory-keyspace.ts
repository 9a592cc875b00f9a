/** The key space of the in-memory etcd: revisions, transactions, etcd leases, history. Knows no time, no clients, no faults. */
import type {
  Compare,
  KeyValue,
  RangeRequest,
  RangeResponse,
  RequestOp,
  ResponseOp,
  TxnRequest,
  TxnResponse,
  WatchEvent,
} from '#etcd/api.ts';

interface PastEvent {
  readonly revision: number;
  readonly event: WatchEvent;
}

/** All that a backup of etcd holds. */
export interface KeyspaceBackup {
  readonly revision: number;
  readonly compacted: number;
  readonly pairs: readonly KeyValue[];
  readonly leases: readonly bigint[];
  readonly history: readonly PastEvent[];
}

/** What etcd refuses: its own words. */
export class KeyspaceRefusal extends Error {}

export class MemoryKeyspace {
  revision = 1;
  /** Revisions up to this one cannot be watched any more. */
  compacted = 0;
  readonly #pairs = new Map<string, KeyValue>();
  readonly #leases = new Map<bigint, Set<string>>();
  #history: PastEvent[] = [];
  #sorted: readonly string[] | undefined;

  range(request: RangeRequest): RangeResponse {
    if (request.revision !== undefined && request.revision !== 0 && request.revision !== this.revision) {
      throw new Error('the in-memory etcd answers at the current revision only');
    }
    const keys = request.rangeEnd === undefined ? [request.key] : this.#between(request.key, request.rangeEnd);
    const found = keys.flatMap((key) => this.#pairs.get(key) ?? []);
    const limited = request.limit ? found.slice(0, request.limit) : found;
    const pairs = request.keysOnly ? limited.map((kv) => ({ ...kv, value: '' })) : limited;
    return {
      revision: this.revision,
      kvs: request.countOnly ? [] : pairs,
      count: found.length,
      more: limited.length < found.length,
    };
  }

  txn(request: TxnRequest): TxnResponse {
    const succeeded = request.compare.every((compare) => this.#holds(compare));
    const operations = succeeded ? request.success : (request.failure ?? []);
    this.#check(operations);
    const next = this.revision + 1;
    const responses = operations.map((operation) => this.#perform(operation, next));
    return { revision: this.revision, succeeded, responses };
  }

  grant(id: bigint): void {
    this.#leases.set(id, new Set());
  }

  keysOf(lease: bigint): readonly string[] | undefined {
    const keys = this.#leases.get(lease);
    return keys && [...keys];
  }

  /** Ends an etcd lease and deletes its keys in one revision; false when there is none. */
  revoke(id: bigint): boolean {
    const keys = this.#leases.get(id);
    if (keys === undefined) return false;
    const next = this.revision + 1;
    for (const key of [...keys].sort(byText)) this.#delete(key, next);
    this.#leases.delete(id);
    return true;
  }

  compact(revision: number): void {
    if (revision > this.revision) throw new KeyspaceRefusal('mvcc: required revision is a future revision');
    if (revision <= this.compacted) throw new KeyspaceRefusal('mvcc: required revision has been compacted');
    this.compacted = revision;
    this.#history = this.#history.filter((past) => past.revision > revision);
  }

  backup(): KeyspaceBackup {
    const { revision, compacted } = this;
    const pairs = [...this.#pairs.values()];
    return { revision, compacted, pairs, leases: [...this.#leases.keys()], history: [...this.#history] };
  }

  /** Goes back to what it was at the backup; the revision goes back too. */
  restore({ revision, compacted, pairs, leases, history }: KeyspaceBackup): void {
    this.revision = revision;
    this.compacted = compacted;
    this.#history = [...history];
    this.#sorted = undefined;
    this.#leases.clear();
    for (const id of leases) this.#leases.set(id, new Set());
    this.#pairs.clear();
    for (const kv of pairs) {
      this.#pairs.set(kv.key, kv);
      this.#leases.get(kv.lease)?.add(kv.key);
    }
  }

  /** Events of that range of keys from that revision on. */
  eventsSince(revision: number, key: string, rangeEnd: string | undefined): readonly WatchEvent[] {
    let from = this.#history.length;
    while ((this.#history[from - 1]?.revision ?? 0) >= revision) from--;
    return this.#history
      .slice(from)
      .map((past) => past.event)
      .filter((event) => {
        const changed = event.type === 'put' ? event.kv.key : event.key;
        return rangeEnd === undefined ? changed === key : key <= changed && changed < rangeEnd;
      });
  }

  #between(key: string, rangeEnd: string): readonly string[] {
    this.#sorted ??= [...this.#pairs.keys()].sort(byText);
    return this.#sorted.filter((each) => key <= each && each < rangeEnd);
  }

  #holds(compare: Compare): boolean {
    const pair = this.#pairs.get(compare.key);
    if (compare.target === 'value') return pair?.value === compare.equals;
    const actual = { version: pair?.version, modRevision: pair?.modRevision, createRevision: pair?.createRevision };
    return (actual[compare.target] ?? 0) === compare.equals;
  }

  /** A transaction is refused as a whole before anything is written. */
  #check(operations: readonly RequestOp[]): void {
    const puts = operations.filter((operation) => operation.type === 'put');
    if (new Set(puts.map(({ key }) => key)).size < puts.length) {
      throw new KeyspaceRefusal('etcdserver: duplicate key given in txn request');
    }
    for (const { lease } of puts) {
      if (lease !== undefined && lease !== 0n && !this.#leases.has(lease)) {
        throw new KeyspaceRefusal('etcdserver: requested lease not found');
      }
    }
  }

  #perform(operation: RequestOp, revision: number): ResponseOp {
    if (operation.type === 'range') return { type: 'range', ...this.range(operation) };
    if (operation.type === 'put') {
      this.#put(operation.key, operation.value, operation.lease ?? 0n, revision);
      return { type: 'put', revision };
    }
    const { key, rangeEnd } = operation;
    const keys = rangeEnd === undefined ? [key] : this.#between(key, rangeEnd);
    const deleted = keys.filter((each) => this.#pairs.has(each));
    for (const each of deleted) this.#delete(each, revision);
    return { type: 'delete', deleted: deleted.length };
  }

  #put(key: string, value: string, lease: bigint, revision: number): void {
    const known = this.#pairs.get(key);
    const kv = {
      key,
      value,
      createRevision: known?.createRevision ?? revision,
      modRevision: revision,
      version: (known?.version ?? 0) + 1,
      lease,
    };
    if (known === undefined) this.#sorted = undefined;
    else this.#leases.get(known.lease)?.delete(key);
    this.#leases.get(lease)?.add(key);
    this.#pairs.set(key, kv);
    this.#record(revision, { type: 'put', kv });
  }

  #delete(key: string, revision: number): void {
    const known = this.#pairs.get(key);
    if (known === undefined) return;
    this.#leases.get(known.lease)?.delete(key);
    this.#pairs.delete(key);
    this.#sorted = undefined;
    this.#record(revision, { type: 'delete', key, revision });
  }

  #record(revision: number, event: WatchEvent): void {
    this.revision = revision;
    this.#history.push({ revision, event });
  }
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
