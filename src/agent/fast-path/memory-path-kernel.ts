/** PathKernel in memory, for tests: as strict as the real one about what is attached where. */
import type { Ipv4Cidr } from '#model/cidr.ts';
import { Fault } from '#runtime/fault.ts';
import { NO_COUNTERS, type PathCounters, type PathKernel, type Surroundings } from './path-kernel.ts';
import type { Endpoint, ObservedPath, PathFabric, PathOperation, PathProgram } from './path-state.ts';

export class MemoryPathKernel implements PathKernel {
  room = 4096;
  /** What `lookAround` sees. */
  surroundings: Surroundings = { tunnel: undefined, obstacle: undefined, bridges: [] };
  /** Thrown by `apply`, when there is one: the kernel cannot. */
  refusal: Fault | undefined;
  closed = false;
  #fabric: PathFabric | undefined;
  readonly #endpoints = new Map<number, Endpoint>();
  readonly #attached = new Map<number, PathProgram>();
  readonly #listeners = new Set<() => void>();

  lookAround(_subnet: Ipv4Cidr, _tunnel: string): Surroundings {
    return this.surroundings;
  }

  observe(): ObservedPath {
    return { fabric: this.#fabric, endpoints: [...this.#endpoints.values()], attached: new Map(this.#attached) };
  }

  apply(operations: readonly PathOperation[]): void {
    if (operations.length > 0 && this.refusal !== undefined) throw this.refusal;
    for (const operation of operations) {
      switch (operation.type) {
        case 'fabric-write':
          this.#fabric = operation.fabric;
          break;
        case 'endpoint-write':
          if (this.#endpoints.size >= this.room && !this.#endpoints.has(operation.endpoint.address)) {
            throw new Fault('kernel.bpf', { what: 'the kernel refused to write a map', why: 'E2BIG' });
          }
          this.#endpoints.set(operation.endpoint.address, operation.endpoint);
          break;
        case 'endpoint-delete':
          this.#endpoints.delete(operation.address);
          break;
        case 'attach':
          this.#attached.set(operation.device, operation.program);
          break;
        case 'detach':
          this.#attached.delete(operation.device);
          break;
      }
    }
  }

  counters(): PathCounters {
    return NO_COUNTERS;
  }

  watch(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Links or neighbours changed. */
  announce(): void {
    for (const listener of this.#listeners) listener();
  }

  close(): void {
    this.#attached.clear();
    this.#listeners.clear();
    this.closed = true;
  }
}
