/**
 * Backend: how hosts are connected. A backend is pure: it says which lease data it publishes and which kernel state it
 * wants; it never touches the kernel or the store. One folder per backend with the same file names, one line in registry.ts.
 */
import type { DesiredState } from '#agent/kernel/state.ts';
import type { Ipv4 } from '#model/ipv4.ts';
import type { Json, Lease } from '#model/lease.ts';
import type { Mac } from '#model/mac.ts';
import type { BackendConfig, ConfigProblem } from '#model/network-config.ts';

/** The interface that carries the fabric, and the address that peers reach us at. */
export interface Underlay {
  readonly name: string;
  readonly index: number;
  readonly mtu: number;
  readonly address: Ipv4;
  readonly publicIp: Ipv4;
}

/** What a backend makes the desired state of. */
export interface DesiredRequest {
  readonly underlay: Underlay;
  /** MAC of our own device. */
  readonly mac: Mac;
  /** Undefined before there is a lease: then only the device is wanted. */
  readonly own: Lease | undefined;
  /** Leases of the others that passed admission (leases/admission.ts). */
  readonly leases: readonly Lease[];
}

/** A lease whose backend data cannot be used; it harms nobody else. */
export interface RefusedLease {
  readonly lease: Lease;
  readonly reason: string;
}

/** A backend with the options of one network document. */
export interface Backend {
  /** Name of the device that is ours. */
  readonly device: string;
  /** MTU for the subnet file. */
  mtu(underlay: Underlay): number;
  /** BackendData for our own lease, with the MAC read back from the device. */
  leaseData(mac: Mac): Json | undefined;
  /** The MAC in BackendData, undefined when there is none to use. */
  recordedMac(data: Json | undefined): Mac | undefined;
  desired(request: DesiredRequest): { readonly state: DesiredState; readonly refused: readonly RefusedLease[] };
}

export interface BackendType {
  /** Type in lower case, as in the network document and in leases. */
  readonly type: string;
  /** The backend with these options checked and completed, or all that is wrong with them. */
  open(config: BackendConfig): { readonly backend: Backend } | { readonly problems: readonly ConfigProblem[] };
}
