/**
 * MirrorKernel: remembers what stood on our devices after the last pass, so that one lease that changes among ten thousand
 * does not cost a look at thirty thousand objects. It trusts its memory only while nobody else has touched those devices
 * (the kernel's events say so), nothing failed, and not longer than a minute; then it looks again.
 */
import type { Ipv4 } from '#model/ipv4.ts';
import type { Clock } from '#runtime/clock.ts';
import { afterOperations, isForetold } from './after-operations.ts';
import type { ApplyResult, HostNetwork, Kernel } from './kernel.ts';
import type { Observed, Operation } from './state.ts';

const LONGEST_TRUST_MS = 60_000;

interface Memory {
  readonly devices: string;
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

  observe(devices: readonly string[]): Observed {
    const now = this.#clock.now();
    const names = devices.join(' ');
    const { observed } = this.#trusted(names, now) ?? { observed: this.#kernel.observe(devices) };
    if (this.#memory?.observed !== observed) this.#memory = { devices: names, observed, lookedAt: now };
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

  watch(devices: () => readonly string[], listener: () => void): () => void {
    this.#watching += 1;
    const end = this.#kernel.watch(devices, () => {
      this.#memory = undefined;
      listener();
    });
    return () => {
      this.#watching -= 1;
      end();
    };
  }

  host(): HostNetwork {
    return this.#kernel.host();
  }

  routeTo(destination: Ipv4): { readonly linkIndex: number; readonly source: Ipv4 | undefined } | undefined {
    return this.#kernel.routeTo(destination);
  }

  close(): void {
    this.#kernel.close();
  }

  #trusted(devices: string, now: number): Memory | undefined {
    const memory = this.#memory;
    if (memory === undefined || this.#watching === 0 || memory.devices !== devices) return undefined;
    return now - memory.lookedAt < LONGEST_TRUST_MS ? memory : undefined;
  }
}
