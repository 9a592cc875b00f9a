/**
 * A WireGuard device as values: what it is to be (WireguardSettings), what it is (ObservedDevice), what to change
 * (WireguardChange), and the one interface to both implementations, the kernel's and the one in user space.
 *
 * Endpoints and allowed IPs are canonical text (`192.0.2.1:51820`, `[2001:db8::1]:51820`, `10.5.1.0/24`), so that equal
 * ones are equal strings.
 */
import type { WireguardKey } from './key.ts';

export interface WireguardPeer {
  readonly publicKey: WireguardKey;
  readonly presharedKey: WireguardKey | undefined;
  readonly endpoint: string | undefined;
  /** 0: off. */
  readonly keepaliveSeconds: number;
  /** In no particular order. */
  readonly allowedIps: readonly string[];
}

export interface WireguardSettings {
  readonly privateKey: WireguardKey;
  readonly listenPort: number;
  readonly peers: readonly WireguardPeer[];
}

export interface ObservedPeer extends WireguardPeer {
  /** Milliseconds since 1970; undefined when there has been none. */
  readonly lastHandshakeMs: number | undefined;
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

export interface ObservedDevice {
  readonly privateKey: WireguardKey | undefined;
  /** 0: none chosen yet. */
  readonly listenPort: number;
  readonly peers: readonly ObservedPeer[];
}

export type PeerChange =
  | { readonly type: 'remove'; readonly publicKey: WireguardKey }
  | {
      readonly type: 'set';
      readonly publicKey: WireguardKey;
      /** `none` takes one away. */
      readonly presharedKey?: WireguardKey | 'none';
      readonly endpoint?: string;
      readonly keepaliveSeconds?: number;
      /** In place of those that it has. */
      readonly allowedIps?: readonly string[];
    };

/** What is not given stays as it is. */
export interface WireguardChange {
  readonly privateKey?: WireguardKey;
  readonly listenPort?: number;
  /** In this order. */
  readonly peers: readonly PeerChange[];
}

/** A peer that the device did not take. The others are in force. */
export interface RefusedPeer {
  readonly publicKey: WireguardKey;
  readonly reason: string;
}

/** The way to the devices of one kind in one network namespace. The device itself exists or it does not. */
export interface WireguardControl {
  /** Undefined when there is no such device. Fault `wireguard.device` when it does not answer. */
  read(name: string): Promise<ObservedDevice | undefined>;
  /** Fault `wireguard.device` when the device is not there or refuses its own settings. */
  write(name: string, change: WireguardChange): Promise<readonly RefusedPeer[]>;
  close(): void;
}

/** Seconds since the last handshake with a peer, for a status; undefined when there has been none. */
export function handshakeAgeSeconds(peer: ObservedPeer, nowMs: number): number | undefined {
  if (peer.lastHandshakeMs === undefined) return undefined;
  return Math.max(0, Math.floor((nowMs - peer.lastHandshakeMs) / 1000));
}
