/** The cache in memory, for tests of the whole agent: the same text as on disk, and a disk that a test can break. */
import type { Fault } from '#runtime/fault.ts';
import type { AgentCache, AgentCacheStore, StoreIdentity } from './agent-cache.ts';
import { decodeCache } from './decode-cache.ts';
import { encodeCache } from './encode-cache.ts';

export class MemoryCache implements AgentCacheStore {
  readonly #store: StoreIdentity;
  /** What is on the disk. */
  bytes: Buffer | undefined;
  /** What every write fails with. */
  fault: Fault | undefined;
  reads = 0;
  /** Writes tried. */
  writes = 0;

  constructor(store: StoreIdentity) {
    this.#store = store;
  }

  /** What the file holds now. */
  get contents(): AgentCache | undefined {
    return this.bytes && decodeCache(this.bytes, this.#store, 'memory');
  }

  async read(): Promise<AgentCache | undefined> {
    this.reads += 1;
    return this.contents;
  }

  async write(cache: AgentCache): Promise<void> {
    this.writes += 1;
    if (this.fault !== undefined) throw this.fault;
    this.bytes = Buffer.concat(await encodeCache(cache, this.#store, async () => undefined));
  }
}
