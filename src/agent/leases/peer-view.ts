/**
 * PeerView: the leases as we know them, fed by the store's events, telling what each event changed. It holds one map and
 * changes it in place (ten thousand leases must not be copied per event), but does nothing else.
 *
 * Unlike flannel's: an event that cannot be read changes nothing (D-01), the own lease is never announced as a peer
 * (D-06), and a snapshot announces peers whose attributes changed meanwhile (D-07). A record that turns unreadable keeps
 * its last good lease until its key is deleted; an interruption withdraws nothing.
 */
import type { Lease, RejectedRecord } from '#model/lease.ts';
import { sameLeaseAttributes } from '#model/lease-record.ts';
import { formatSubnetKey, type SubnetKey } from '#model/subnet-key.ts';
import type { LeaseEvent, LeaseSnapshot } from './store.ts';

export interface PeerDifference {
  readonly added: readonly Lease[];
  /** Peers whose attributes are different now; a mere renewal is not among them. */
  readonly changed: readonly Lease[];
  /** With what was last known of them. */
  readonly removed: readonly Lease[];
  /** What happened to our own key after the write we know of: somebody wrote it, or it is gone. */
  readonly own?: { readonly type: 'put'; readonly lease: Lease } | { readonly type: 'gone' };
  /** Records that could not be used. */
  readonly rejected: readonly RejectedRecord[];
}

interface Draft {
  /** What was known, before the event, of each key that it touches. */
  readonly before: Map<string, Lease | undefined>;
  own?: { type: 'put'; lease: Lease } | { type: 'gone' };
  readonly rejected: RejectedRecord[];
}

export class PeerView {
  readonly #leases = new Map<string, Lease>();
  /** Since when each is known as it is; whole seconds, which cost a table of ten thousand the least. */
  readonly #since = new Map<string, number>();
  #own: Lease | undefined;
  #ownKey: string | undefined;
  /** What happened to our own key up to this revision is no news. */
  #ownKnown = 0;
  #revision = 0;

  /** All leases of others. */
  get peers(): readonly Lease[] {
    return [...this.#leases.values()];
  }

  get size(): number {
    return this.#leases.size;
  }

  /** Store revision up to which events were taken in: where a new watch goes on. */
  get revision(): number {
    return this.#revision;
  }

  /** Since when this peer is known with what it publishes now, in milliseconds of the time given to `apply`. */
  since(subnet: SubnetKey): number | undefined {
    const seconds = this.#since.get(formatSubnetKey(subnet));
    return seconds === undefined ? undefined : seconds * 1000;
  }

  /** Our lease as last written by us; call it after every acquire and renew, before the next event is applied. */
  setOwn(own: Lease | undefined): void {
    this.#own = own;
    this.#ownKey = own === undefined ? undefined : formatSubnetKey(own.subnet);
    this.#ownKnown = own?.modified ?? 0;
    if (this.#ownKey === undefined) return;
    this.#leases.delete(this.#ownKey);
    this.#since.delete(this.#ownKey);
  }

  /** `now` in milliseconds is what `since` will say of the peers that this event brings. */
  apply(event: LeaseEvent, now = 0): PeerDifference {
    const draft: Draft = { before: new Map(), rejected: [] };
    if (event.type === 'snapshot') this.#replace(event, draft);
    else if (event.type === 'changes') {
      for (const change of event.changes) {
        if (change.type === 'put') this.#put(change.lease, draft);
        else if (change.type === 'gone') this.#gone(change.subnet, event.revision, draft);
        else this.#reject(change.record, draft);
      }
      this.#revision = event.revision;
    }
    const { own, rejected } = draft;
    return { ...this.#compare(draft.before, Math.floor(now / 1000)), rejected, ...(own === undefined ? {} : { own }) };
  }

  #compare(
    before: ReadonlyMap<string, Lease | undefined>,
    nowSeconds: number,
  ): Pick<PeerDifference, 'added' | 'changed' | 'removed'> {
    const added: Lease[] = [];
    const changed: Lease[] = [];
    const removed: Lease[] = [];
    for (const [key, was] of before) {
      const is = this.#leases.get(key);
      if (is === undefined) {
        if (was !== undefined) removed.push(was);
        this.#since.delete(key);
      } else if (was === undefined) {
        added.push(is);
        this.#since.set(key, nowSeconds);
      } else if (!sameLeaseAttributes(was.attributes, is.attributes)) {
        changed.push(is);
        this.#since.set(key, nowSeconds);
      }
    }
    return { added, changed, removed };
  }

  #replace(snapshot: LeaseSnapshot, draft: Draft): void {
    const present = new Set<string>();
    for (const lease of snapshot.leases) {
      const key = formatSubnetKey(lease.subnet);
      present.add(key);
      if (this.#own !== undefined && key === this.#ownKey) this.#seeOwn(lease, this.#own, draft);
      else this.#put(lease, draft);
    }
    for (const record of snapshot.rejected) {
      const key = record.subnet && formatSubnetKey(record.subnet);
      if (key !== undefined) present.add(key);
      this.#reject(record, draft);
      const { modified } = record;
      // In another history it may have the very revision of our last write.
      if (key === undefined || key !== this.#ownKey || modified === undefined) continue;
      if (!snapshot.leases.some((lease) => formatSubnetKey(lease.subnet) === key)) draft.own = { type: 'gone' };
    }
    for (const [key, lease] of this.#leases) {
      if (!present.has(key)) this.#gone(lease.subnet, snapshot.revision, draft);
    }
    if (this.#ownKey !== undefined && !present.has(this.#ownKey)) draft.own = { type: 'gone' };
    // Without the record that we wrote last it is another history, which may count from a lower revision: what comes is news.
    if (draft.own !== undefined) this.#ownKnown = Math.min(this.#ownKnown, snapshot.revision);
    this.#revision = snapshot.revision;
  }

  /**
   * Our record in a listing. A store that was restored from a backup counts from a lower revision again, so every record that
   * is not the one we wrote last is news, an older one too.
   */
  #seeOwn(found: Lease, own: Lease, draft: Draft): void {
    if (found.modified !== own.modified) draft.own = { type: 'put', lease: found };
  }

  #put(lease: Lease, draft: Draft): void {
    const key = formatSubnetKey(lease.subnet);
    if (this.#own !== undefined && key === this.#ownKey) {
      // Our own write and what came before it are no news.
      if (lease.modified > this.#ownKnown) draft.own = { type: 'put', lease };
      else delete draft.own;
      return;
    }
    this.#note(key, draft);
    this.#leases.set(key, lease);
  }

  /** A record that nobody can read; when it stands on our own key, our lease is not there any more. */
  #reject(record: RejectedRecord, draft: Draft): void {
    draft.rejected.push(record);
    if (record.subnet !== undefined && this.#own !== undefined && formatSubnetKey(record.subnet) === this.#ownKey) {
      if ((record.modified ?? 0) > this.#ownKnown) draft.own = { type: 'gone' };
    }
  }

  #gone(subnet: SubnetKey, revision: number, draft: Draft): void {
    const key = formatSubnetKey(subnet);
    if (this.#own !== undefined && key === this.#ownKey) {
      if (revision > this.#ownKnown) draft.own = { type: 'gone' };
      return;
    }
    this.#note(key, draft);
    this.#leases.delete(key);
  }

  #note(key: string, draft: Draft): void {
    if (!draft.before.has(key)) draft.before.set(key, this.#leases.get(key));
  }
}
