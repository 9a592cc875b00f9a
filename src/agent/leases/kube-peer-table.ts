/**
 * The nodes as they are known, and what each event changes among their leases: nodes report every few minutes, and almost
 * none of it concerns us. It holds maps and changes them in place; it never asks anybody.
 *
 * Of two nodes with one podCIDR the older has the lease; when it goes, the other gets it.
 */

import { isOlderVersion } from '#kube/resource-version.ts';
import type { Lease, RejectedRecord } from '#model/lease.ts';
import type { SubnetKey } from '#model/subnet-key.ts';
import { type KubeClaim, type KubePeer, sameClaim } from './kube-peer.ts';
import type { LeaseChange } from './store.ts';

export class KubePeerTable {
  readonly #peers = new Map<string, KubePeer>();
  /** Nodes with a claim on that subnet, oldest first; nearly always one. */
  readonly #claimants = new Map<string, readonly KubePeer[]>();

  get size(): number {
    return this.#peers.size;
  }

  /** What a node's new state changes. `revision` is what changed leases carry. */
  put(peer: KubePeer, revision: number): readonly LeaseChange[] {
    const before = this.#peers.get(peer.node);
    if (before !== undefined && isOlderVersion(peer.resourceVersion, before.resourceVersion)) return [];
    // A record that cannot be read leaves its last good lease in place, as long as it is about the same subnet.
    const keeps = peer.rejected?.subnet !== undefined && before?.claim !== undefined;
    const now = keeps && before.created === peer.created ? { ...peer, claim: before.claim } : peer;
    this.#peers.set(peer.node, now);
    const changes = this.#move(before, now, revision);
    const isNews = now.rejected !== undefined && now.rejected.reason !== before?.rejected?.reason;
    if (isNews) changes.push({ type: 'rejected', record: now.rejected });
    const loses = now.claim !== undefined && !sameClaim(before?.claim, now.claim) && this.#duplicate(now);
    if (loses) changes.push({ type: 'rejected', record: loses });
    return changes;
  }

  remove(node: string, revision: number): readonly LeaseChange[] {
    const before = this.#peers.get(node);
    this.#peers.delete(node);
    return this.#move(before, undefined, revision);
  }

  leases(revision: number): readonly Lease[] {
    return [...this.#claimants.values()].flatMap(([winner]) => leaseOfPeer(winner, revision) ?? []);
  }

  rejected(): readonly RejectedRecord[] {
    return [...this.#peers.values()].flatMap((peer) => peer.rejected ?? this.#duplicate(peer) ?? []);
  }

  #move(before: KubePeer | undefined, now: KubePeer | undefined, revision: number): LeaseChange[] {
    if (sameClaim(before?.claim, now?.claim) && before?.created === now?.created) {
      if (before?.claim !== undefined && now !== undefined) this.#replace(before.claim.key, before, now);
      return [];
    }
    const claims = new Map<string, KubeClaim>();
    for (const claim of [before?.claim, now?.claim]) if (claim !== undefined) claims.set(claim.key, claim);
    const changes: LeaseChange[] = [];
    for (const [key, claim] of claims) {
      const [was] = this.#claimants.get(key) ?? [];
      this.#replace(key, before, now?.claim?.key === key ? now : undefined);
      const [is] = this.#claimants.get(key) ?? [];
      if (is === undefined) changes.push({ type: 'gone', subnet: claim.subnet });
      else if (!sameClaim(was?.claim, is.claim)) changes.push(...putOf(is, revision));
    }
    return changes;
  }

  /** Exchanges one claimant for another, either of which may be none. */
  #replace(key: string, out: KubePeer | undefined, into: KubePeer | undefined): void {
    const rest = (this.#claimants.get(key) ?? []).filter((peer) => peer !== out);
    const all = into === undefined ? rest : [...rest, into].sort(byAge);
    if (all.length === 0) this.#claimants.delete(key);
    else this.#claimants.set(key, all);
  }

  /** The record of a node whose subnet an older one has. */
  #duplicate(peer: KubePeer): RejectedRecord | undefined {
    if (peer.claim === undefined) return undefined;
    const [winner] = this.#claimants.get(peer.claim.key) ?? [];
    if (winner === undefined || winner.node === peer.node) return undefined;
    const { subnet, key } = peer.claim;
    return { key: `node ${peer.node}`, reason: `the older node ${winner.node} has its podCIDR ${key}`, subnet };
  }
}

function byAge(a: KubePeer, b: KubePeer): number {
  return a.created - b.created || (a.node < b.node ? -1 : 1);
}

function putOf(peer: KubePeer, revision: number): readonly LeaseChange[] {
  const lease = leaseOfPeer(peer, revision);
  return lease === undefined ? [] : [{ type: 'put', lease }];
}

function leaseOfPeer(peer: KubePeer | undefined, modified: number): Lease | undefined {
  if (peer?.claim === undefined) return undefined;
  const { subnet, attributes }: { subnet: SubnetKey; attributes: Lease['attributes'] } = peer.claim;
  return { subnet, attributes, reservation: true, created: peer.created, modified };
}
