/** What engines are to do, as values: one kind per engine (backends/engine.ts). */
import type { Ipv4Cidr } from '#model/cidr.ts';
import type { Ipv4 } from '#model/ipv4.ts';

/** A TUN device whose packets are sent to the peers as UDP payloads (spec §5.3). */
export interface UdpEngineState {
  readonly type: 'udp';
  readonly device: string;
  readonly mtu: number;
  /** Address and port that the socket is bound to; the peers' port is the same. */
  readonly local: Ipv4;
  readonly port: number;
  /** Base address of our own subnet, the source of ICMP errors; undefined before there is a lease. */
  readonly own: Ipv4 | undefined;
  readonly peers: readonly { readonly subnet: Ipv4Cidr; readonly host: Ipv4 }[];
}

/** WireGuard devices and their peers (spec §5.5). Keys are base64 as `wg` prints them; the private key is the engine's own. */
export interface WireguardEngineState {
  readonly type: 'wireguard';
  readonly devices: readonly {
    readonly name: string;
    readonly listenPort: number;
    /** All that it is to have; undefined before they are known: then those that it has are left alone. */
    readonly peers: readonly WireguardPeer[] | undefined;
  }[];
}

export interface WireguardPeer {
  readonly publicKey: string;
  readonly presharedKey: string | undefined;
  /** Canonical text, `192.0.2.1:51820` or `[2001:db8::1]:51820`. */
  readonly endpoint: string;
  /** Canonical text, `10.5.1.0/24`. */
  readonly allowedIps: readonly string[];
  /** 0: off. */
  readonly keepaliveSeconds: number;
}

/** Commands of the operator's that are told of the own lease once and of each peer (spec §5.7). Addresses are canonical text. */
export interface ExtensionEngineState {
  readonly type: 'extension';
  /** As written in the network document; undefined where there is none. */
  readonly commands: {
    readonly postStartup: string | undefined;
    readonly subnetAdd: string | undefined;
    readonly subnetRemove: string | undefined;
  };
  readonly own: ExtensionHost & { readonly network: string };
  readonly peers: readonly ExtensionPeer[];
}

/** Empty text where a host has no such subnet or address. */
export interface ExtensionHost {
  readonly subnet: string;
  readonly ipv6Subnet: string;
  readonly publicIp: string;
  readonly publicIpv6: string;
}

export interface ExtensionPeer extends ExtensionHost {
  /** What the peer publishes: text of somebody else's, only ever for a command's standard input. */
  readonly data: string;
}

export type EngineState = UdpEngineState | WireguardEngineState | ExtensionEngineState;
