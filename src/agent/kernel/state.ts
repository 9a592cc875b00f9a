/**
 * Kernel state as values: what a backend wants (DesiredState), what a host has (Observed), and the operations that turn
 * one into the other. All of it prints as the `ip` and `bridge` text that operators know (operation-text.ts).
 *
 * Objects are owned by device: everything on a device of ours is ours, and what no lease explains there is removed.
 */
import type { Ipv4Cidr } from '#model/cidr.ts';
import type { Ipv4 } from '#model/ipv4.ts';
import type { Mac } from '#model/mac.ts';

export interface VxlanDevice {
  readonly name: string;
  readonly vni: number;
  readonly mtu: number;
  readonly mac: Mac;
  /** Outer source address. */
  readonly local: Ipv4;
  /** Name of the interface that carries the outer packets. */
  readonly underlay: string;
  readonly port: number;
  readonly learning: boolean;
  readonly gbp: boolean;
}

/** `ip address`: an address on one of our devices. */
export interface AddressEntry {
  readonly device: string;
  readonly address: Ipv4;
  readonly length: number;
}

/** `ip neigh … nud permanent`. */
export interface NeighborEntry {
  readonly device: string;
  readonly address: Ipv4;
  readonly mac: Mac;
}

/** `bridge fdb … self permanent`. */
export interface FdbEntry {
  readonly device: string;
  readonly mac: Mac;
  /** Outer destination. */
  readonly destination: Ipv4;
}

/** `ip nexthop`: shared by routes above the threshold, where classic onlink routes cost O(n²). */
export interface NexthopEntry {
  readonly id: number;
  readonly device: string;
  readonly gateway: Ipv4;
}

/** `ip route`, table main. Either an onlink route by gateway and device, or one that names a nexthop object. */
export interface RouteEntry {
  readonly device: string;
  readonly destination: Ipv4Cidr;
  readonly gateway: Ipv4;
  /** Id of the nexthop object, which then carries gateway and device; absent for a classic route. */
  readonly nexthop?: number;
}

/** Everything that must be so on our devices; anything else of ours there must not be. */
export interface DesiredState {
  readonly devices: readonly VxlanDevice[];
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
    readonly local: Ipv4 | undefined;
    readonly underlayIndex: number;
    readonly port: number;
    readonly learning: boolean;
    readonly gbp: boolean;
  };
}

export interface ObservedAddress {
  readonly linkIndex: number;
  readonly address: Ipv4;
  readonly length: number;
  readonly scope: number;
  readonly permanent: boolean;
  readonly deprecated: boolean;
}

/** What is there now: all links and addresses, and what stands on the devices asked about. */
export interface Observed {
  readonly links: readonly ObservedLink[];
  readonly addresses: readonly ObservedAddress[];
  /** The /32 addresses on the devices asked about: ours. Others there are an operator's own. */
  readonly ownAddresses: readonly AddressEntry[];
  readonly neighbors: readonly NeighborEntry[];
  readonly fdb: readonly FdbEntry[];
  readonly nexthops: readonly NexthopEntry[];
  readonly routes: readonly RouteEntry[];
}

export type Operation =
  | { readonly type: 'device-add'; readonly device: VxlanDevice }
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
  | { readonly type: 'route-add' | 'route-replace' | 'route-delete'; readonly entry: RouteEntry };
