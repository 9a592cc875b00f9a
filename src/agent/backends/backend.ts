/**
 * Backend: how hosts are connected. A backend is pure: it says which lease data it publishes and which kernel state it
 * wants; it never touches the kernel or the store. One folder per backend with the same file names, one line in registry.ts.
 */
import type { DesiredState, HostRoute, ObservedLink } from '#agent/kernel/state.ts';
import type { Family } from '#model/ip.ts';
import type { Ipv4 } from '#model/ipv4.ts';
import type { Ipv6 } from '#model/ipv6.ts';
import type { Json, Lease, LeaseAttributes } from '#model/lease.ts';
import type { Mac } from '#model/mac.ts';
import type { ConfigProblem, NetworkConfig } from '#model/network-config.ts';
import type { EngineName } from './engine.ts';
import type { EngineState } from './engine-state.ts';

/** The interface that carries the fabric; addresses for exactly the families that the network has. */
export interface Underlay {
  readonly name: string;
  readonly index: number;
  readonly mtu: number;
  readonly ipv4?: UnderlayAddress<Ipv4>;
  readonly ipv6?: UnderlayAddress<Ipv6>;
}

export interface UnderlayAddress<Address> {
  /** On the interface. */
  readonly address: Address;
  /** That peers reach us at; differs behind NAT. */
  readonly publicIp: Address;
}

/** What peers must know of this host, beside its addresses; decided once and kept over restarts where possible. */
export interface HostIdentity {
  /** MACs of our own devices by the family they serve; empty for a backend without such devices. */
  readonly macs: { readonly [family in Family]?: Mac };
  /** What the engine tells. */
  readonly published?: string;
}

/** What an identity is decided from. */
export interface IdentityRequest {
  /** What our own record says, if there is one of this backend. */
  readonly recorded: LeaseAttributes | undefined;
  readonly links: readonly ObservedLink[];
  /** For devices that have none yet. */
  readonly randomMacs: { readonly [family in Family]: Mac };
  /** From the engine, when the backend has one. */
  readonly published: string | undefined;
}

/** What a backend makes the desired state of. */
export interface DesiredRequest {
  readonly underlay: Underlay;
  readonly identity: HostIdentity;
  /** Undefined before there is a lease: then only the devices are wanted. */
  readonly own: Lease | undefined;
  /** Leases of the others that passed admission; each has only the families that are to be programmed. */
  readonly leases: readonly Lease[];
  /** The host's own routes; empty unless `needsHostRoutes`. */
  readonly hostRoutes: readonly HostRoute[];
}

export interface Desired {
  readonly state: DesiredState;
  /** What the engine is to do; present when the backend has one and there is something to do. */
  readonly engine?: EngineState;
  readonly refused: readonly RefusedLease[];
}

/** A lease whose backend data cannot be used; it harms nobody else. */
export interface RefusedLease {
  readonly lease: Lease;
  readonly reason: string;
}

/** BackendData and BackendV6Data of our lease. */
export interface LeaseData {
  readonly ipv4?: Json;
  readonly ipv6?: Json;
}

/** A backend with the options and the families of one network document. */
export interface Backend {
  /** BackendType in leases, also the one that peers' leases must have: empty for udp and alloc. */
  readonly leaseType: string;
  /** Names of the devices that are ours. */
  readonly devices: readonly string[];
  readonly engine?: EngineName;
  /** Whether `desired` looks at the host's own routes. */
  readonly needsHostRoutes: boolean;
  /** Whose the routes to the network's subnets are, over the underlay and over the devices of other backends. */
  readonly underlayRoutes: 'ours' | 'operators';
  /** Why this underlay cannot carry the fabric, in words; undefined when it can. */
  refuseUnderlay(underlay: Underlay): string | undefined;
  /** MTU for the subnet file. */
  mtu(underlay: Underlay): number;
  identify(request: IdentityRequest): HostIdentity;
  leaseData(identity: HostIdentity): LeaseData;
  desired(request: DesiredRequest): Desired;
}

export interface BackendType {
  /** Type in lower case, as in the network document. */
  readonly type: string;
  /** The backend with these options checked and completed, or all that is wrong with them. */
  open(config: NetworkConfig): { readonly backend: Backend } | { readonly problems: readonly ConfigProblem[] };
}
