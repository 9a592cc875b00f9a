/** AgentCache: what a host must know to forward without its store, as it is kept on disk between two runs. */
import type { Lease } from '#model/lease.ts';

export interface AgentCache {
  /** MAC of the interface between the hosts: a cloned disk in another machine is told by it. Empty: it has none. */
  readonly machine: string;
  /** The network document as it was read. */
  readonly document: string;
  /** The store's revision that the leases are of. */
  readonly revision: number;
  /** Our own lease; our MACs are in its attributes. */
  readonly own: Lease;
  /** All leases of others. */
  readonly peers: readonly Lease[];
}

/** Which store a cache is of, whatever its endpoints are. */
export interface StoreIdentity {
  /** `/coreos.com/network` or the like. */
  readonly prefix: string;
  /** The API that holds the network; `auto`: either, not found out yet. */
  readonly api: 'v2' | 'v3' | 'auto';
}

/** The seam between the agent and its disk. */
export interface AgentCacheStore {
  /** Undefined when there is none. Throws a Fault `cache.*` that says why the one there is cannot be used. */
  read(): Promise<AgentCache | undefined>;
  /** Replaces the whole cache or leaves the one before. Throws Fault `cache.write`. */
  write(cache: AgentCache): Promise<void>;
}
