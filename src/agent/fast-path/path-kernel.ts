/** PathKernel: the seam between the fast path's decisions and the kernel. A real one (bpf-path-kernel.ts) and one in memory. */
import type { Ipv4Cidr } from '#model/cidr.ts';
import type { ObservedBridge } from './find-endpoints.ts';
import type { ObservedPath, PathOperation } from './path-state.ts';

/** What the fast path has carried since its programs were loaded. */
export interface PathCounters {
  readonly sentPackets: number;
  readonly sentBytes: number;
  readonly receivedPackets: number;
  readonly receivedBytes: number;
  /** Left to the ordinary path because conntrack knows their connection. */
  readonly trackedPackets: number;
}

export interface Surroundings {
  /** Index of the VXLAN device; undefined when it is not there. */
  readonly tunnel: number | undefined;
  /** Why no Pod can use the fast path here, whatever the firewall says. */
  readonly obstacle: string | undefined;
  /** The bridges that have an address in our subnet. */
  readonly bridges: readonly ObservedBridge[];
}

export interface PathKernel {
  /** How many Pods the programs can know. */
  readonly room: number;
  /** The devices around the Pods of that subnet. Fault `kernel.netlink`. */
  lookAround(subnet: Ipv4Cidr, tunnel: string): Surroundings;
  /** What stands now. Loads nothing: before the first `apply` it is nothing. Fault `kernel.bpf`. */
  observe(): ObservedPath;
  /** In order. The first time it loads the programs. Fault `kernel.bpf` at the first refusal; what was done before stays. */
  apply(operations: readonly PathOperation[]): void;
  counters(): PathCounters;
  /** Calls `listener` when links or neighbours change, not for changes of ours. */
  watch(listener: () => void): () => void;
  /** Detaches everything and frees it. */
  close(): void;
}

export const NO_COUNTERS: PathCounters = {
  sentPackets: 0,
  sentBytes: 0,
  receivedPackets: 0,
  receivedBytes: 0,
  trackedPackets: 0,
};
