/**
 * What a watch knows of the store's history: the next revision it wants, and by which marks an answer shows that the
 * store is another one or has gone back (restored from a backup). Pure.
 */
import { Fault } from '#runtime/fault.ts';
import type { WatchEvent } from './api.ts';
import type { ResponseHeader } from './header-message.ts';

export class WatchHistory {
  #next: number;
  #clusterId: bigint | undefined;
  #raftTerm = 0;

  constructor(startRevision: number) {
    this.#next = startRevision;
  }

  /** The first revision not seen yet. */
  get next(): number {
    return this.#next;
  }

  /** The last revision seen. */
  get seen(): number {
    return this.#next - 1;
  }

  /**
   * Whether the answer is from a store that has everything seen so far. A member that lags behind fails this too, so a
   * failure counts only when the answer is a linearizable one.
   */
  continues(header: ResponseHeader): boolean {
    const sameCluster = this.#clusterId === undefined || this.#clusterId === header.clusterId;
    return sameCluster && header.revision >= this.seen && header.raftTerm >= this.#raftTerm;
  }

  /** Takes note of who answered. */
  heard(header: ResponseHeader): void {
    this.#clusterId ??= header.clusterId;
    this.#raftTerm = Math.max(this.#raftTerm, header.raftTerm);
  }

  /** The events were delivered: the next revision is the one after the last of them, which the header may be ahead of. */
  delivered(events: readonly WatchEvent[]): void {
    for (const event of events) this.#advance(event.type === 'put' ? event.kv.modRevision : event.revision);
  }

  /** Nothing more happened up to the header's revision. */
  progressed(header: ResponseHeader): void {
    this.#advance(header.revision);
  }

  /** Begins anew, perhaps on another store. */
  restart(startRevision: number): void {
    this.#next = startRevision;
    this.#clusterId = undefined;
    this.#raftTerm = 0;
  }

  /** What to say when a linearizable answer does not continue this history. */
  rewound(header: ResponseHeader, where: string): Fault {
    const what =
      header.revision < this.seen
        ? `etcd went back from revision ${this.seen} to ${header.revision}`
        : `etcd is not the cluster of before (id ${header.clusterId.toString(16)}, term ${header.raftTerm})`;
    return new Fault('etcd.compacted', { what, where, why: 'most likely it was restored from a backup' });
  }

  #advance(revision: number): void {
    if (revision >= this.#next) this.#next = revision + 1;
  }
}
