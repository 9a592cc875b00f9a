/** Kernel: the seam to rtnetlink. The real one and the fake pass one compliance suite (kernel-compliance.ts). */
import type { Ipv4 } from '#model/ipv4.ts';
import type { Fault } from '#runtime/fault.ts';
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
  /** Interface of the default route in table main, undefined when there is none. */
  readonly defaultRouteIndex: number | undefined;
}

export interface Kernel {
  host(): HostNetwork;
  /** Interface and preferred source of the kernel's route to `destination`. */
  routeTo(destination: Ipv4): { readonly linkIndex: number; readonly source: Ipv4 | undefined } | undefined;
  /** What is there now on the devices named. */
  observe(devices: readonly string[]): Observed;
  /** Applies in order, as one train of messages. An operation that fails does not stop those that follow. */
  apply(operations: Iterable<Operation>): ApplyResult;
  /**
   * Calls `listener` when something changed on the devices named, other than by us, or when so much changed that the kernel
   * dropped events. It only wakes: the next pass looks at everything.
   */
  watch(devices: () => readonly string[], listener: () => void): () => void;
  close(): void;
}
