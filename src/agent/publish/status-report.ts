/**
 * StatusReport: all that the agent tells about itself, as one value: what the control socket answers, `weft status`
 * prints and `/metrics` counts. Its names are an interface (docs/operating/status.md): members are added, never renamed.
 * Moments are ISO 8601 in UTC; what does not hold or is not known yet is left out.
 */
import type { Verdict } from './verdict.ts';

export interface StatusReport extends Omit<FabricReport, 'store'> {
  /** Raised when a reader of the former number would misread it. */
  readonly format: 1;
  readonly verdict: Verdict;
  readonly agent: AgentReport;
  readonly store: StoreReport & { readonly kind: StoreKind };
}

/** Where leases are kept. */
export type StoreKind = 'etcd' | 'Kubernetes';

export interface AgentReport {
  readonly version: string;
  readonly commit: string;
  readonly pid: number;
  readonly startedAt: string;
  readonly uptimeSeconds: number;
  readonly residentBytes: number;
  /** Processor time since the start, user and system. */
  readonly cpuSeconds: number;
}

/** What the core knows. */
export interface FabricReport {
  /** READY was said: the subnet file is there. */
  readonly ready: boolean;
  readonly network?: NetworkReport;
  readonly lease?: LeaseReport;
  readonly underlay?: UnderlayReport;
  readonly devices: readonly DeviceReport[];
  readonly store: StoreReport;
  readonly peers: PeersReport;
  readonly firewall: FirewallReport;
  /** Present with `-fast-path bpf`. */
  readonly fastPath?: FastPathReport;
  /** What goes wrong now, worst first; empty when all is well. */
  readonly troubles: readonly TroubleReport[];
  readonly counters: CountersReport;
}

/** `-fast-path bpf`. */
export interface FastPathReport {
  readonly state: 'starting' | 'on' | 'refused';
  /** Why it is refused. */
  readonly reason?: string;
  /** One for each port of the Pods' bridges. */
  readonly pods: readonly PodPathReport[];
  /** What it has carried; absent before it was first in place. */
  readonly counters?: {
    readonly sentPackets: number;
    readonly sentBytes: number;
    readonly receivedPackets: number;
    readonly receivedBytes: number;
    /** Left to the ordinary path because their connection is tracked. */
    readonly trackedPackets: number;
  };
}

export interface PodPathReport {
  /** The host's side of the Pod's veth. */
  readonly device: string;
  /** Empty while none is known. */
  readonly addresses: readonly string[];
  readonly path: 'fast' | 'ordinary';
  /** Why it is the ordinary one. */
  readonly reason?: string;
}

export interface NetworkReport {
  /** Backend type: `vxlan`. */
  readonly backend: string;
  /** `10.5.0.0/16`, IPv4 first. */
  readonly cidrs: readonly string[];
  /** The network document in one line, with `***` in place of a preshared key. */
  readonly document: string;
}

export interface LeaseReport {
  /** `10.5.1.0/24`, IPv4 first. */
  readonly subnets: readonly string[];
  /** Given to this host for ever: nothing to renew. */
  readonly reservation: boolean;
  /** Since when this process holds it. */
  readonly heldSince?: string;
  /** When the record was last written by this process. */
  readonly renewedAt?: string;
  /** When it will be renewed. */
  readonly renewsAt?: string;
  /** When it ends if it is never renewed again. */
  readonly expiresAt?: string;
  /** Store revisions of the key: its creation and its last write. */
  readonly created: number;
  readonly modified: number;
}

export interface UnderlayReport {
  readonly interface: string;
  readonly mtu: number;
  /** For Pods: what the subnet file tells docker and CNI. */
  readonly podMtu: number;
  readonly addresses: readonly {
    /** On the interface. */
    readonly address: string;
    /** That the peers reach this host at. */
    readonly publicIp: string;
  }[];
}

export interface DeviceReport {
  /** `flannel.1`. */
  readonly name: string;
  readonly mac?: string;
}

export interface StoreReport {
  /** Whether the last that was heard of it is an answer. */
  readonly connected: boolean;
  /** Since when it is not. */
  readonly lostAt?: string;
  /** Why it is not, in one sentence. */
  readonly why?: string;
  /** It has not answered this run yet: network, lease and peers are those of an earlier one. */
  readonly fromCache?: true;
}

export interface PeersReport {
  /** Leases that passed admission; one whose backend data cannot be used is among `refused` as well. */
  readonly count: number;
  /** Sorted by subnet; present when it was asked for. */
  readonly list?: readonly PeerReport[];
  /** Peers among them whose keys vanished in a mass: kept until the keys are back or somebody decides (docs/operating/lost-keys.md). */
  readonly held?: { readonly count: number; readonly since: string };
  /** Leases that are not used, or of which one family is not. */
  readonly refusedCount: number;
  /** Those of them that somebody should look at. */
  readonly refusedWarnings: number;
  /** The first hundred; all when the list of peers was asked for. */
  readonly refused: readonly RefusedReport[];
}

export interface PeerReport {
  readonly subnets: readonly string[];
  readonly publicIp: string;
  readonly mac?: string;
  /** Since when it is known with what it publishes now; to the second. */
  readonly since?: string;
}

export interface RefusedReport {
  readonly subnets: readonly string[];
  readonly publicIp: string;
  readonly reason: string;
  /** `info`: to be expected, such as a host of another backend type. */
  readonly severity: 'info' | 'warning';
}

export interface FirewallReport {
  readonly mode?: 'iptables' | 'nftables';
  readonly masquerade: boolean;
  readonly forward: boolean;
  /** The rules are as wanted, as far as is known. */
  readonly settled: boolean;
}

export interface TroubleReport {
  /** As in docs/faults.md. */
  readonly code: string;
  /** What, where and why in one sentence. */
  readonly what: string;
  readonly remedy: string;
  readonly since: string;
  /** How often it was tried since then. */
  readonly failures: number;
}

/** Since the start of the process. */
export interface CountersReport {
  readonly passes: number;
  readonly passesFailed: number;
  readonly passSeconds: number;
  /** Operations handed to the kernel by kind, such as `route-replace`. */
  readonly operations: Readonly<Record<string, number>>;
  readonly operationsRefused: number;
  readonly renewals: number;
  readonly renewalsFailed: number;
  readonly storeInterruptions: number;
  readonly firewallRuns: number;
  readonly firewallRunsFailed: number;
  readonly drift: DriftReport;
}

/** What other programs changed, and was put right. */
export interface DriftReport {
  /** Objects by kind: device, engine, sysctl, address, neighbor, fdb, nexthop, route, rule. */
  readonly repaired: Readonly<Record<string, number>>;
  /** Looks at everything afresh. */
  readonly sweeps: number;
  /** Objects of `repaired` that only a sweep found. */
  readonly foundBySweep: number;
  /** Objects that were changed again and again. */
  readonly fights: number;
}
