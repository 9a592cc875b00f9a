/**
 * MemoryKernel: the strict fake of the Kernel seam. It holds links and what stands on them, refuses what Linux refuses (an
 * object on a missing device, a second device of a name, a route by an absent nexthop), drops with a device or a MAC what
 * Linux drops, and prints itself as `ip` and `bridge` do. The compliance suite holds it to the real one.
 */
import { formatIpv4Cidr, maskIpv4Cidr } from '#model/cidr.ts';
import { formatIpv4, type Ipv4 } from '#model/ipv4.ts';
import { Fault } from '#runtime/fault.ts';
import type { ApplyResult, FailedOperation, HostNetwork, Kernel } from './kernel.ts';
import { operationText } from './operation-text.ts';
import type {
  AddressEntry,
  FdbEntry,
  NeighborEntry,
  NexthopEntry,
  Observed,
  ObservedAddress,
  ObservedLink,
  Operation,
  RouteEntry,
  VxlanDevice,
} from './state.ts';

/** What stands on one device. */
interface Holdings {
  link: ObservedLink;
  addresses: AddressEntry[];
  readonly neighbors: Map<Ipv4, NeighborEntry>;
  readonly fdb: Map<string, FdbEntry>;
  readonly nexthops: Map<number, NexthopEntry>;
  readonly routes: Map<string, RouteEntry>;
}

export interface MemoryHost {
  readonly links: readonly ObservedLink[];
  readonly addresses: readonly ObservedAddress[];
  readonly defaultRouteIndex?: number;
}

/** In the kernel's words, with its errno names. */
class Refused extends Error {}

export class MemoryKernel implements Kernel {
  readonly #devices = new Map<string, Holdings>();
  #addresses: readonly ObservedAddress[];
  readonly #defaultRouteIndex: number | undefined;
  readonly #listeners = new Set<() => void>();
  #nextIndex: number;
  /** Operations taken since the beginning: a test sees whether anything was written. */
  written = 0;
  /** How often it was looked at. */
  looks = 0;

  constructor(host: MemoryHost) {
    for (const link of host.links) this.#devices.set(link.name, holdings(link));
    this.#addresses = host.addresses;
    this.#defaultRouteIndex = host.defaultRouteIndex;
    this.#nextIndex = Math.max(0, ...host.links.map(({ index }) => index)) + 1;
  }

  close(): void {
    this.#listeners.clear();
  }

  host(): HostNetwork {
    const { links, addresses } = this.observe([]);
    return { links, addresses, defaultRouteIndex: this.#defaultRouteIndex };
  }

  routeTo(): { readonly linkIndex: number; readonly source: Ipv4 | undefined } | undefined {
    return this.#defaultRouteIndex === undefined
      ? undefined
      : { linkIndex: this.#defaultRouteIndex, source: undefined };
  }

  observe(devices: readonly string[]): Observed {
    this.looks += 1;
    const all = [...this.#devices.values()];
    const ours = all.filter(({ link }) => devices.includes(link.name));
    return {
      links: all.map(({ link }) => link),
      addresses: [...this.#addresses, ...all.flatMap(observedAddresses)],
      ownAddresses: ours.flatMap((device) => device.addresses),
      neighbors: ours.flatMap((device) => [...device.neighbors.values()]),
      fdb: ours.flatMap((device) => [...device.fdb.values()]),
      nexthops: ours.flatMap((device) => [...device.nexthops.values()]),
      routes: ours.flatMap((device) => [...device.routes.values()]),
    };
  }

  apply(operations: Iterable<Operation>): ApplyResult {
    const failed: FailedOperation[] = [];
    let applied = 0;
    for (const operation of operations) {
      try {
        this.#do(operation);
        applied += 1;
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        const what = `${operationText(operation)} failed`;
        failed.push({
          operation,
          fault: new Fault('kernel.netlink', { what, why: `the kernel says ${error.message}` }),
        });
      }
    }
    this.written += applied;
    return { applied, failed };
  }

  watch(_devices: () => readonly string[], listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A link of any kind that somebody else made. */
  addLink(link: ObservedLink): void {
    this.#devices.set(link.name, holdings(link));
  }

  /** An address that somebody gave one of the host's links. */
  addAddress(address: ObservedAddress): void {
    this.#addresses = [...this.#addresses, address];
    for (const listener of this.#listeners) listener();
  }

  /** What another program does: applied, and told to whoever watches. */
  disturb(operations: readonly Operation[]): void {
    const { failed } = this.apply(operations);
    if (failed[0] !== undefined) throw failed[0].fault;
    for (const listener of this.#listeners) listener();
  }

  /** The state of a device as `ip -d link`, `ip address`, `ip neigh`, `bridge fdb` and `ip route` would tell it, sorted. */
  print(name: string): readonly string[] {
    const device = this.#devices.get(name);
    if (device === undefined) return [];
    const { mac, mtu, up, vxlan } = device.link;
    const lines = [
      `${name}: mtu ${mtu} ${mac}${up ? ' up' : ''}${vxlan === undefined ? '' : ` vxlan id ${vxlan.vni}`}`,
    ];
    for (const { address, length } of device.addresses) lines.push(`inet ${formatIpv4(address)}/${length}`);
    for (const { address, mac: peer } of device.neighbors.values()) {
      lines.push(`neigh ${formatIpv4(address)} lladdr ${peer} PERMANENT`);
    }
    for (const { mac: peer, destination } of device.fdb.values()) {
      lines.push(`fdb ${peer} dst ${formatIpv4(destination)} self permanent`);
    }
    for (const { destination, gateway, nexthop } of device.routes.values()) {
      const by = nexthop === undefined ? '' : `nhid ${nexthop} `;
      lines.push(`route ${formatIpv4Cidr(destination)} ${by}via ${formatIpv4(gateway)} dev ${name} onlink`);
    }
    return lines;
  }

  #do(operation: Operation): void {
    switch (operation.type) {
      case 'device-add':
        this.#addDevice(operation.device);
        break;
      case 'device-delete':
        if (!this.#devices.delete(operation.name)) throw new Refused('ENODEV');
        break;
      case 'device-set':
        this.#setDevice(operation);
        break;
      case 'address-add':
        this.#addAddress(operation.entry);
        break;
      case 'address-delete': {
        const device = this.#device(operation.entry.device);
        device.addresses = device.addresses.filter(({ address }) => address !== operation.entry.address);
        // Linux turns IPv4 off on a device without an address.
        if (device.addresses.length === 0) forget(device);
        break;
      }
      case 'neighbor-replace':
        this.#device(operation.entry.device).neighbors.set(operation.entry.address, operation.entry);
        break;
      case 'neighbor-delete':
        this.#device(operation.entry.device).neighbors.delete(operation.entry.address);
        break;
      case 'fdb-replace':
        this.#device(operation.entry.device).fdb.set(operation.entry.mac, operation.entry);
        break;
      case 'fdb-delete':
        this.#device(operation.entry.device).fdb.delete(operation.entry.mac);
        break;
      case 'nexthop-replace':
        this.#upDevice(operation.entry.device).nexthops.set(operation.entry.id, operation.entry);
        break;
      case 'nexthop-delete':
        this.#deleteNexthop(operation.entry);
        break;
      case 'route-add':
        this.#addRoute(operation.entry);
        break;
      case 'route-replace':
        this.#replaceRoute(operation.entry);
        break;
      case 'route-delete':
        this.#device(operation.entry.device).routes.delete(formatIpv4Cidr(operation.entry.destination));
        break;
    }
  }

  #addDevice(device: VxlanDevice): void {
    if (this.#devices.has(device.name)) throw new Refused('EEXIST');
    const underlayIndex = this.#device(device.underlay).link.index;
    const { name, mtu, mac, vni, local, port, learning, gbp } = device;
    const rival = [...this.#devices.values()].some(({ link }) => link.vxlan?.vni === vni && link.vxlan.port === port);
    if (rival) throw new Refused('EEXIST: A VXLAN device with the specified VNI already exists');
    const vxlan = { vni, local, underlayIndex, port, learning, gbp };
    this.#devices.set(name, holdings({ index: this.#nextIndex++, name, kind: 'vxlan', mtu, mac, up: false, vxlan }));
  }

  #setDevice({ name, mac, mtu, up }: Operation & { readonly type: 'device-set' }): void {
    const device = this.#device(name);
    // Linux forgets every neighbour of a device whose MAC changes, permanent ones too.
    if (mac !== undefined) device.neighbors.clear();
    device.link = {
      ...device.link,
      ...(mac === undefined ? {} : { mac }),
      ...(mtu === undefined ? {} : { mtu }),
      ...(up === undefined ? {} : { up }),
    };
    if (up === false) forget(device);
  }

  #addAddress(entry: AddressEntry): void {
    const device = this.#device(entry.device);
    if (device.addresses.some(({ address }) => address === entry.address)) throw new Refused('EEXIST');
    device.addresses.push(entry);
  }

  #deleteNexthop({ id, device: name }: NexthopEntry): void {
    const device = this.#device(name);
    device.nexthops.delete(id);
    for (const [key, route] of device.routes) if (route.nexthop === id) device.routes.delete(key);
  }

  #addRoute(entry: RouteEntry): void {
    const key = formatIpv4Cidr(entry.destination);
    const connected = this.#addresses.map(({ address, length }) => formatIpv4Cidr(maskIpv4Cidr({ address, length })));
    const routed = [...this.#devices.values()].some(({ routes }) => routes.has(key));
    if (routed || connected.includes(key)) throw new Refused('EEXIST: file already exists');
    this.#replaceRoute(entry);
  }

  #replaceRoute(entry: RouteEntry): void {
    const device = this.#upDevice(entry.device);
    if (entry.nexthop !== undefined && !device.nexthops.has(entry.nexthop)) {
      throw new Refused('EINVAL: Nexthop id does not exist');
    }
    device.routes.set(formatIpv4Cidr(entry.destination), entry);
  }

  #device(name: string): Holdings {
    const device = this.#devices.get(name);
    if (device === undefined) throw new Refused('ENODEV');
    return device;
  }

  #upDevice(name: string): Holdings {
    const device = this.#device(name);
    if (!device.link.up) throw new Refused('ENETDOWN: Nexthop device is not up');
    return device;
  }
}

function forget(device: Holdings): void {
  device.routes.clear();
  device.nexthops.clear();
  device.neighbors.clear();
}

function holdings(link: ObservedLink): Holdings {
  return { link, addresses: [], neighbors: new Map(), fdb: new Map(), nexthops: new Map(), routes: new Map() };
}

function observedAddresses({ link, addresses }: Holdings): ObservedAddress[] {
  return addresses.map(({ address, length }) => ({
    linkIndex: link.index,
    address,
    length,
    scope: 0,
    permanent: true,
    deprecated: false,
  }));
}
