/**
 * Engine: the part of a backend that the kernel's tables cannot carry: the udp backend's TUN device and forwarding loop,
 * WireGuard's keys and peers, the commands of an extension. The backend stays pure: it says in a value (EngineState) what
 * the engine is to do, as it says in DesiredState what the kernel is to hold.
 *
 * An engine is opened once, before the first pass; its `identity` goes into the lease. Each pass calls `converge` first
 * and the kernel afterwards, so that the device that the engine makes is there when addresses and routes are put on it.
 */

import type { NetworkConfig } from '#model/network-config.ts';
import type { HostIdentity } from './backend.ts';
import type { EngineState } from './engine-state.ts';

/** Which engine; the key under which main.ts knows how to open it. */
export type EngineName = EngineState['type'];

export interface Engine {
  /** What the peers must know of it: WireGuard's public key, the output of a command. Goes to HostIdentity.published. */
  readonly identity: HostIdentity['published'];
  /**
   * Makes it so, and takes away what is not wanted; does nothing when nothing differs. Called again and again, never
   * twice at once. Resolves to the number of changes made; a Fault means that the pass is tried again later.
   */
  converge(wanted: EngineState): number | Promise<number>;
  /** Calls `listener` when something of it changed by itself (its loop ended, its device vanished). */
  watch(listener: () => void): void;
  /** The agent stops. */
  close(): void | Promise<void>;
}

/** Opens the engine; throws or rejects with a Fault, and is then called again later. */
export type OpenEngine = (network: NetworkConfig) => Engine | Promise<Engine>;

export type OpenEngines = { readonly [Name in EngineName]?: OpenEngine };
