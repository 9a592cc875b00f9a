/**
 * MirrorKernel: remembers what stood on our devices after the last pass, so that one lease that changes among ten thousand
 * does not cost a look at thirty thousand objects. It trusts its memory only while nobody else has touched what is ours
 * (the kernel's events say so), nothing failed, and not longer than a minute; then it looks again.
 */
import type { Ip } from '#model/ip.ts';
import type { Clock } from '#runtime/clock.ts';
import { afterOperations, isForetold } from './after-operations.ts';
import type { PeerEntries } from './diff.ts';
import type { ApplyResult, HostNetwork, Kernel } from './kernel.ts';
import type { Ownership } from './ownership.ts';
import type { Observed, Operation } from './state.ts';

const LONGEST_TRUST_MS = 60_000;

interface Memory {
  readonly ownership: Ownership;
  readonly observed: Observed;
  readonly lookedAt: number;
}

export class MirrorKernel implements Kernel {
  readonly #kernel: Kernel;
  readonly #clock: Clock;
  #memory: Memory | undefined;
  /** Without events nothing can be trusted. */
  #watching = 0;

  constructor(kernel: Kernel, clock: Clock) {
    this.#kernel = kernel;
    this.#clock = clock;
  }

  observe(ownership: Ownership, fresh = false): Observed {
    const now = this.#clock.now();
    const trusted = fresh ? undefined : this.#trusted(ownership, now);
    if (trusted !== undefined) return trusted.observed;
    const observed = this.#kernel.observe(ownership);
    this.#memory = { ownership, observed, lookedAt: now };
    return observed;
  }

  apply(operations: Iterable<Operation>): ApplyResult {
    const list = [...operations];
    const memory = this.#memory;
    this.#memory = undefined;
    const result = this.#kernel.apply(list);
    if (memory !== undefined && result.failed.length === 0 && list.every(isForetold)) {
      this.#memory = { ...memory, observed: afterOperations(memory.observed, list) };
    }
    return result;
  }

  /**
   * The same entries in the order in which they are wanted, so that the next comparison walks along both: a kernel lists them
   * as it likes.
   */
  remember(wanted: PeerEntries): void {
    const memory = this.#memory;
    if (memory === undefined) return;
    const { observed } = memory;
    const { neighbors, fdb, nexthops, routes } = observed;
    // All that is wanted stands there; if it is as many, it is all.
    const isAll =
      neighbors.length === wanted.neighbors.length &&
      fdb.length === wanted.fdb.length &&
      nexthops.length === wanted.nexthops.length &&
      routes.length === wanted.routes.length;
    if (isAll) this.#memory = { ...memory, observed: { ...observed, ...wanted } };
  }

  watch(ownership: () => Ownership | undefined, listener: (by?: string) => void): () => void {
    this.#watching += 1;
    const end = this.#kernel.watch(ownership, (by) => {
      this.#memory = undefined;
      listener(by);
    });
    return () => {
      this.#watching -= 1;
      end();
    };
  }

  host(reach?: Ip): HostNetwork {
    return this.#kernel.host(reach);
  }

  close(): void {
    this.#kernel.close();
  }

  /** Where the host's own routes decide (DirectRouting) there is no memory: nobody tells of all of them. */
  #trusted(ownership: Ownership, now: number): Memory | undefined {
    const memory = this.#memory;
    if (memory === undefined || this.#watching === 0 || memory.ownership !== ownership) return undefined;
    if (ownership.hostRoutes) return undefined;
    return now - memory.lookedAt < LONGEST_TRUST_MS ? memory : undefined;
  }
}
