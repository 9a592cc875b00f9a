/** Kernel: the seam to rtnetlink. The real one and the fake pass one compliance suite (kernel-compliance.ts). */
import type { Family, Ip } from '#model/ip.ts';
import type { Fault } from '#runtime/fault.ts';
import type { PeerEntries } from './diff.ts';
import type { Ownership } from './ownership.ts';
import type { Observed, ObservedAddress, ObservedLink, Operation } from './state.ts';

export interface FailedOperation {
  readonly operation: Operation;
  readonly fault: Fault;
}

export interface ApplyResult {
  /** Operations that the kernel took. */
  readonly applied: number;
  readonly failed: readonly FailedOperation[];
}

/** The host's own network as far as choosing an interface needs it. */
export interface HostNetwork {
  readonly links: readonly ObservedLink[];
  readonly addresses: readonly ObservedAddress[];
  /** Interface of the first default route in table main: 0 when it has several, absent when there is none. */
  readonly defaultRoutes: { readonly [family in Family]?: number };
  /** The kernel's way to the address asked for; absent when none was asked for or there is no way. */
  readonly reach?: RouteLookup;
}

export interface RouteLookup {
  readonly linkIndex: number;
  /** Source address that the kernel would take. */
  readonly source: Ip | undefined;
}

export interface Kernel {
  /** `reach`: an address whose route is looked up. */
  host(reach?: Ip): HostNetwork;
  /** What is there now that is ours. `fresh`: we have changed something past this interface, so nothing remembered counts. */
  observe(ownership: Ownership, fresh?: boolean): Observed;
  /** Applies in order, as one train of messages. An operation that fails does not stop those that follow. */
  apply(operations: Iterable<Operation>): ApplyResult;
  /** What stands for peers now, as a pass knows that left nothing undone: for one that remembers what it has seen. */
  remember?(wanted: PeerEntries): void;
  /**
   * Calls `listener` when something of ours changed other than by us, when the underlay's link or addresses changed, or when
   * so much changed that the kernel dropped events. It only wakes: the next pass looks at everything. Undefined: nothing
   * is ours yet. `by` is who did it, in words, where the kernel tells.
   */
  watch(ownership: () => Ownership | undefined, listener: (by?: string) => void): () => void;
  close(): void;
}
