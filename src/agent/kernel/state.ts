/**
 * Kernel state as values: what a backend wants (DesiredState), what a host has (Observed), and the operations that turn
 * one into the other. All of it prints as the `ip` and `bridge` text that operators know (operation-text.ts).
 *
 * Both families are rows of the same kinds: an address is a number or a bigint, and that is its family (model/ip.ts).
 * What is ours among what is observed, and may therefore be removed, is said by Ownership (ownership.ts).
 */
import type { Cidr, Ip } from '#model/ip.ts';
import type { Ipv4 } from '#model/ipv4.ts';
import type { Mac } from '#model/mac.ts';

export interface VxlanDevice {
  readonly kind: 'vxlan';
  readonly name: string;
  readonly vni: number;
  readonly mtu: number;
  readonly mac: Mac;
  /** Outer source address; its family is the one of the outer packets. */
  readonly local: Ip;
  /** Name of the interface that carries the outer packets. */
  readonly underlay: string;
  readonly port: number;
  readonly learning: boolean;
  readonly gbp: boolean;
}

/** `ip link … type ipip remote any`. */
export interface IpipDevice {
  readonly kind: 'ipip';
  readonly name: string;
  readonly mtu: number;
  readonly local: Ipv4;
}

/** A device that the backend's engine makes (backends/engine.ts): here only its MTU and state are kept as they should be. */
export interface EngineDevice {
  readonly kind: 'wireguard' | 'tun';
  readonly name: string;
  readonly mtu: number;
}

export type Device = VxlanDevice | IpipDevice | EngineDevice;

/** `ip address`: an address on one of our devices. */
export interface AddressEntry {
  readonly device: string;
  readonly address: Ip;
  readonly length: number;
}

/** `ip neigh … nud permanent`. */
export interface NeighborEntry {
  readonly device: string;
  readonly address: Ip;
  readonly mac: Mac;
}

/** `bridge fdb … self permanent`. */
export interface FdbEntry {
  readonly device: string;
  readonly mac: Mac;
  /** Outer destination. */
  readonly destination: Ip;
}

/** `ip nexthop`: shared by routes above the threshold, where classic onlink routes cost O(n²). IPv4 only (route-form.ts). */
export interface NexthopEntry {
  readonly id: number;
  readonly device: string;
  readonly gateway: Ip;
}

/** `ip route … via … dev …` in table main. `onlink`: the gateway is on the device whatever its address says. */
export interface GatewayRoute {
  readonly type: 'onlink' | 'gateway';
  readonly device: string;
  readonly destination: Cidr;
  readonly gateway: Ip;
  /** Id of the nexthop object, which then carries gateway and device; absent for a classic route. */
  readonly nexthop?: number;
}

/** `ip route … dev …`: everything there is behind the device. IPv6 knows no scopes, so both scopes are one there. */
export interface LinkRoute {
  readonly type: 'link';
  readonly device: string;
  readonly destination: Cidr;
  readonly scope: 'link' | 'global';
}

/** `ip route … blackhole`. Only ever added, never put in place of another route. */
export interface BlackholeRoute {
  readonly type: 'blackhole';
  readonly destination: Cidr;
}

export type RouteEntry = GatewayRoute | LinkRoute | BlackholeRoute;

/** `sysctl`: a setting of the kernel, named by its path below /proc/sys, for device names have dots. */
export interface SysctlEntry {
  readonly name: string;
  readonly value: string;
}

/** Everything that must be so; anything else that is ours must not be. */
export interface DesiredState {
  readonly devices: readonly Device[];
  readonly addresses: readonly AddressEntry[];
  readonly neighbors: readonly NeighborEntry[];
  readonly fdb: readonly FdbEntry[];
  /** In the plain form; whether they are written through nexthop objects is decided by route-form.ts. */
  readonly routes: readonly RouteEntry[];
}

/** A link as the kernel has it, of any kind. */
export interface ObservedLink {
  readonly index: number;
  readonly name: string;
  readonly kind: string;
  readonly mtu: number;
  readonly mac: Mac;
  /** Administratively up (IFF_UP). */
  readonly up: boolean;
  /** Present for kind vxlan. */
  readonly vxlan?: {
    readonly vni: number;
    readonly local: Ip | undefined;
    readonly underlayIndex: number;
    readonly port: number;
    readonly learning: boolean;
    readonly gbp: boolean;
  };
  /** Present for kind ipip; 0 is any. */
  readonly ipip?: { readonly local: Ipv4; readonly remote: Ipv4 };
}

export interface ObservedAddress {
  readonly linkIndex: number;
  readonly address: Ip;
  readonly length: number;
  /** 0 global, 253 link, 254 host. */
  readonly scope: number;
  readonly permanent: boolean;
  readonly deprecated: boolean;
  /** A privacy address of IPv6; for IPv4 a second one in the same network. */
  readonly temporary: boolean;
}

/** A unicast route of table main that is not ours: what decides where packets to other hosts go. */
export interface HostRoute {
  readonly destination: Cidr;
  /** 0 when it has none or several. */
  readonly linkIndex: number;
  readonly gateway: Ip | undefined;
}

/** What is there now: all links and addresses, and what is ours or stands where ours would. */
export interface Observed {
  readonly links: readonly ObservedLink[];
  readonly addresses: readonly ObservedAddress[];
  /** The single addresses (/32, /128) on our devices: ours. Others there are an operator's own. */
  readonly ownAddresses: readonly AddressEntry[];
  readonly neighbors: readonly NeighborEntry[];
  readonly fdb: readonly FdbEntry[];
  /** On our devices. */
  readonly nexthops: readonly NexthopEntry[];
  /** Ids of nexthop objects that are not ours. */
  readonly takenNexthops: ReadonlySet<number>;
  readonly routes: readonly RouteEntry[];
  /** Empty unless the ownership asks for them. */
  readonly hostRoutes: readonly HostRoute[];
  /** Those that the ownership asks for and that are there; absent: none were asked for. */
  readonly sysctls?: readonly SysctlEntry[];
  /** The underlay's IPv6 default route comes from a router's advertisement. Looked at only while it matters. */
  readonly advertisedRoute?: boolean;
}

export type Operation =
  | { readonly type: 'device-add'; readonly device: VxlanDevice | IpipDevice }
  | { readonly type: 'device-delete'; readonly name: string; readonly why: string }
  | {
      readonly type: 'device-set';
      readonly name: string;
      readonly mac?: Mac;
      readonly mtu?: number;
      readonly up?: boolean;
    }
  | { readonly type: 'address-add' | 'address-delete'; readonly entry: AddressEntry }
  | { readonly type: 'neighbor-replace' | 'neighbor-delete'; readonly entry: NeighborEntry }
  | { readonly type: 'fdb-replace' | 'fdb-delete'; readonly entry: FdbEntry }
  | { readonly type: 'nexthop-replace' | 'nexthop-delete'; readonly entry: NexthopEntry }
  | { readonly type: 'route-add' | 'route-replace' | 'route-delete'; readonly entry: RouteEntry }
  | SysctlOperation;

/** Not a netlink message: sysctls are files. */
export interface SysctlOperation extends SysctlEntry {
  readonly type: 'sysctl-set';
  readonly found: string;
}
