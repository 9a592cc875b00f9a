/**
 * MemoryKernel: the strict fake of the Kernel seam. It holds links, what stands on them and table main, refuses what Linux
 * refuses (an object on a missing device, a second device of a name, a gateway that is not on the link, a route by an
 * absent nexthop), drops with a device or a MAC what Linux drops, and prints itself as `ip` and `bridge` do. The
 * compliance suite holds it to the real one.
 */
import {
  addressBits,
  cidrContains,
  cidrEncloses,
  cidrKey,
  type Family,
  familyOf,
  formatIp,
  type Ip,
  maskCidr,
  sameCidr,
} from '#model/ip.ts';
import { Fault } from '#runtime/fault.ts';
import type { ApplyResult, FailedOperation, HostNetwork, Kernel, RouteLookup } from './kernel.ts';
import { MemorySysctls } from './memory-sysctls.ts';
import { operationText, routeText } from './operation-text.ts';
import { isFormerDevice, isSubnetNexthop, leadsToFabric, leadsToSubnet, type Ownership } from './ownership.ts';
import type {
  AddressEntry,
  FdbEntry,
  GatewayRoute,
  HostRoute,
  IpipDevice,
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
  readonly neighbors: Map<Ip, NeighborEntry>;
  readonly fdb: Map<string, FdbEntry>;
  readonly nexthops: Map<number, NexthopEntry>;
}

export interface MemoryHost {
  readonly links: readonly ObservedLink[];
  readonly addresses: readonly ObservedAddress[];
  /** Index of the interface of the default route. */
  readonly defaultRoutes?: { readonly [family in Family]?: number };
  /** Routes of others, beside those that the addresses make. */
  readonly routes?: readonly HostRoute[];
  /** Kinds of devices that this kernel was built without. */
  readonly lacks?: readonly string[];
  /** Values by path below /proc/sys; forwarding is on by default. */
  readonly sysctls?: Readonly<Record<string, string>>;
  /** Sysctls that cannot be written, as in a container. */
  readonly readOnlySysctls?: boolean;
  /** The IPv6 default route comes from a router. */
  readonly advertisedRoute?: boolean;
}

/** In the kernel's words, with its errno names. */
class Refused extends Error {}

export class MemoryKernel implements Kernel {
  readonly #devices = new Map<string, Holdings>();
  /** Of protocol boot and without a metric, by destination. */
  readonly #routes = new Map<number | bigint, RouteEntry>();
  readonly #host: MemoryHost;
  #hostAddresses: readonly ObservedAddress[];
  readonly #foreignRoutes: HostRoute[];
  readonly #takenNexthops = new Set<number>();
  readonly #listeners = new Set<(by?: string) => void>();
  readonly #sysctls: MemorySysctls;
  #nextIndex: number;
  /** Operations taken since the beginning: a test sees whether anything was written. */
  written = 0;
  /** How often it was looked at. */
  looks = 0;

  constructor(host: MemoryHost) {
    this.#host = host;
    for (const link of host.links) this.#devices.set(link.name, holdings(link));
    this.#hostAddresses = host.addresses;
    this.#foreignRoutes = [...(host.routes ?? [])];
    this.#sysctls = new MemorySysctls(host.sysctls ?? {}, (name) => this.#devices.has(name));
    this.#nextIndex = Math.max(0, ...host.links.map(({ index }) => index)) + 1;
  }

  close(): void {
    this.#listeners.clear();
  }

  host(reach?: Ip): HostNetwork {
    const route = reach === undefined ? undefined : this.#lookup(reach);
    return {
      links: this.#links(),
      addresses: this.#addresses(),
      defaultRoutes: this.#host.defaultRoutes ?? {},
      ...(route === undefined ? {} : { reach: route }),
    };
  }

  observe(ownership: Ownership): Observed {
    this.looks += 1;
    const all = [...this.#devices.values()];
    const ours = all.filter(({ link }) => ownership.devices.includes(link.name));
    const former = all.filter(({ link }) => isFormerDevice(ownership, link.name));
    const formerNexthops = former
      .flatMap((device) => [...device.nexthops.values()])
      .filter(({ id }) => isSubnetNexthop(ownership, id));
    const isOurs = (entry: RouteEntry): boolean => {
      const { destination } = entry;
      if (entry.type === 'blackhole') return ownership.blackholes && leadsToSubnet(ownership, destination);
      const inside = ownership.networks.some(({ network }) => cidrEncloses(network, destination));
      if (ownership.devices.includes(entry.device)) return entry.type !== 'link' || inside;
      if (isFormerDevice(ownership, entry.device)) return leadsToFabric(ownership, destination);
      if (ownership.underlayRoutes === 'operators') return false;
      return entry.device === ownership.underlay && entry.type !== 'link' && inside;
    };
    const families = ownership.networks.map(({ network }) => familyOf(network.address));
    return {
      links: this.#links(),
      addresses: this.#addresses(),
      ownAddresses: ours.flatMap((device) => device.addresses),
      neighbors: ours.flatMap((device) => [...device.neighbors.values()]),
      fdb: ours.flatMap((device) => [...device.fdb.values()]),
      nexthops: [...ours.flatMap((device) => [...device.nexthops.values()]), ...formerNexthops],
      takenNexthops: this.#takenNexthops,
      routes: [...this.#routes.values()].filter(
        (route) => families.includes(familyOf(route.destination.address)) && isOurs(route),
      ),
      hostRoutes: ownership.hostRoutes ? this.#hostRoutes() : [],
      ...this.#readSysctls(ownership.sysctls),
    };
  }

  #readSysctls(names: readonly string[] | undefined): Partial<Observed> {
    if (names === undefined) return {};
    const sysctls = names.flatMap((name) => {
      const value = this.#sysctls.read(name);
      return value === undefined ? [] : [{ name, value }];
    });
    return { sysctls, advertisedRoute: this.#host.advertisedRoute ?? false };
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
        failed.push({ operation, fault: faultOf(operation, error) });
      }
    }
    this.written += applied;
    return { applied, failed };
  }

  watch(_ownership: () => Ownership | undefined, listener: (by?: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A link of any kind that somebody else made, or another state of one that is there. */
  setLink(link: ObservedLink): void {
    const device = this.#devices.get(link.name);
    if (device === undefined) this.#devices.set(link.name, holdings(link));
    else device.link = link;
    if (!link.up) this.#dropRoutesOf(link.name);
    this.#wake();
  }

  /** The host's addresses are these from now on. */
  setAddresses(addresses: readonly ObservedAddress[]): void {
    this.#hostAddresses = addresses;
    this.#wake();
  }

  /** A route of somebody else's. */
  addRoute(route: HostRoute): void {
    this.#foreignRoutes.push(route);
    this.#wake();
  }

  /** Somebody else's nexthop object has that id. */
  takeNexthop(id: number): void {
    this.#takenNexthops.add(id);
  }

  /** What another program does: applied, and told to whoever watches. */
  disturb(operations: readonly Operation[], by?: string): void {
    this.disturbSilently(operations);
    this.#wake(by);
  }

  /** The same when its event is lost. */
  disturbSilently(operations: readonly Operation[]): void {
    const { failed } = this.apply(operations);
    if (failed[0] !== undefined) throw failed[0].fault;
  }

  /** The value of a sysctl; undefined when there is no such. */
  sysctl(name: string): string | undefined {
    return this.#sysctls.read(name);
  }

  /** The state of a device as `ip -d link`, `ip address`, `ip neigh`, `bridge fdb` and `ip route` would tell it. */
  print(name: string): readonly string[] {
    const device = this.#devices.get(name);
    if (device === undefined) return [];
    const { mac, mtu, up, vxlan, ipip } = device.link;
    const kind =
      vxlan === undefined
        ? ipip === undefined
          ? ''
          : ` ipip local ${formatIp(ipip.local)}`
        : ` vxlan id ${vxlan.vni}`;
    const lines = [`${name}: mtu ${mtu}${mac === '' ? '' : ` ${mac}`}${up ? ' up' : ''}${kind}`];
    for (const { address, length } of device.addresses) {
      lines.push(`${typeof address === 'number' ? 'inet' : 'inet6'} ${formatIp(address)}/${length}`);
    }
    for (const { address, mac: peer } of device.neighbors.values()) {
      lines.push(`neigh ${formatIp(address)} lladdr ${peer} PERMANENT`);
    }
    for (const { mac: peer, destination } of device.fdb.values()) {
      lines.push(`fdb ${peer} dst ${formatIp(destination)} self permanent`);
    }
    for (const route of this.#routes.values()) {
      if (route.type !== 'blackhole' && route.device === name) lines.push(`route ${printedRoute(route)}`);
    }
    return lines;
  }

  /** All routes of protocol boot without a metric, as `ip route` would tell them. */
  printRoutes(): readonly string[] {
    return [...this.#routes.values()].map(printedRoute);
  }

  #wake(by?: string): void {
    for (const listener of this.#listeners) listener(by);
  }

  #links(): readonly ObservedLink[] {
    return [...this.#devices.values()].map(({ link }) => link);
  }

  #addresses(): readonly ObservedAddress[] {
    return [...this.#hostAddresses, ...[...this.#devices.values()].flatMap(observedAddresses)];
  }

  /** What the addresses on the host's own interfaces make, and the others. */
  #hostRoutes(): readonly HostRoute[] {
    const connected = this.#hostAddresses.flatMap(({ linkIndex, address, length }): HostRoute[] => {
      if (length === addressBits(address)) return [];
      return [{ destination: maskCidr({ address, length }), linkIndex, gateway: undefined }];
    });
    return [...connected, ...this.#foreignRoutes];
  }

  #lookup(address: Ip): RouteLookup | undefined {
    const [best] = this.#hostRoutes()
      .filter(({ destination }) => cidrContains(destination, address))
      .toSorted((a, b) => b.destination.length - a.destination.length);
    const linkIndex = best?.linkIndex ?? this.#host.defaultRoutes?.[familyOf(address)];
    if (linkIndex === undefined) return undefined;
    const source = this.#hostAddresses.find(
      (entry) => entry.linkIndex === linkIndex && familyOf(entry.address) === familyOf(address),
    );
    return { linkIndex, source: source?.address };
  }

  #do(operation: Operation): void {
    switch (operation.type) {
      case 'device-add':
        this.#addDevice(operation.device);
        break;
      case 'device-delete':
        if (!this.#devices.delete(operation.name)) throw new Refused('ENODEV');
        this.#dropRoutesOf(operation.name);
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
        if (device.addresses.every(({ address }) => typeof address !== 'number'))
          this.#forgetIpv4(operation.entry.device);
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
        this.#replaceNexthop(operation.entry);
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
        this.#deleteRoute(operation.entry);
        break;
      case 'sysctl-set':
        if (this.#host.readOnlySysctls === true) throw new Refused('EROFS');
        if (!this.#sysctls.write(operation.name, operation.value)) throw new Refused('ENOENT');
        break;
    }
  }

  #addDevice(device: VxlanDevice | IpipDevice): void {
    const { kind, name, mtu } = device;
    if (this.#host.lacks?.includes(kind)) throw new Refused('ENOTSUP: Unknown device type');
    if (this.#devices.has(name)) throw new Refused('EEXIST');
    const index = this.#nextIndex++;
    if (device.kind === 'ipip') {
      const ipip = { local: device.local, remote: 0 };
      this.#devices.set(name, holdings({ index, name, kind, mtu, mac: '', up: false, ipip }));
      this.#sysctls.write(`net/ipv6/conf/${name}/accept_ra`, '0');
      return;
    }
    const underlayIndex = this.#device(device.underlay).link.index;
    const { mac, vni, local, port, learning, gbp } = device;
    const rival = [...this.#devices.values()].some(
      ({ link: { vxlan } }) => vxlan?.vni === vni && vxlan.port === port && typeof vxlan.local === typeof local,
    );
    if (rival) throw new Refused('EEXIST: A VXLAN device with the specified VNI already exists');
    const vxlan = { vni, local, underlayIndex, port, learning, gbp };
    this.#devices.set(name, holdings({ index, name, kind, mtu, mac, up: false, vxlan }));
    this.#sysctls.write(`net/ipv6/conf/${name}/accept_ra`, '0');
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
    if (up === false) {
      this.#dropRoutesOf(name);
      device.nexthops.clear();
      device.neighbors.clear();
      // An IPv6 address does not outlive the device being up.
      device.addresses = device.addresses.filter(({ address }) => typeof address === 'number');
    }
  }

  #addAddress(entry: AddressEntry): void {
    const device = this.#device(entry.device);
    if (device.addresses.some(({ address }) => address === entry.address)) throw new Refused('EEXIST');
    device.addresses.push(entry);
  }

  /** An id is one object, whatever device it is on. */
  #replaceNexthop(entry: NexthopEntry): void {
    const device = this.#upDevice(entry.device);
    for (const other of this.#devices.values()) other.nexthops.delete(entry.id);
    device.nexthops.set(entry.id, entry);
  }

  #deleteNexthop({ id, device: name }: NexthopEntry): void {
    const device = this.#device(name);
    device.nexthops.delete(id);
    for (const [key, route] of this.#routes) {
      if (isGatewayRoute(route) && route.nexthop === id) this.#routes.delete(key);
    }
  }

  #addRoute(entry: RouteEntry): void {
    const connected = this.#hostRoutes().some(({ destination }) => sameCidr(destination, entry.destination));
    if (connected || this.#routes.has(cidrKey(entry.destination))) throw new Refused('EEXIST: file already exists');
    this.#replaceRoute(entry);
  }

  #replaceRoute(entry: RouteEntry): void {
    const key = cidrKey(entry.destination);
    if (entry.type === 'blackhole') {
      const connected = this.#hostRoutes().some(({ destination }) => sameCidr(destination, entry.destination));
      if (connected || this.#routes.has(key)) throw new Refused('EEXIST');
      this.#routes.set(key, entry);
      return;
    }
    const device = this.#upDevice(entry.device);
    if (entry.type !== 'link') this.#checkGateway(entry, device);
    this.#routes.set(key, entry);
  }

  #checkGateway(entry: GatewayRoute, device: Holdings): void {
    if (entry.nexthop !== undefined) {
      if (!device.nexthops.has(entry.nexthop)) throw new Refused('EINVAL: Nexthop id does not exist');
      return;
    }
    if (this.#addresses().some(({ address }) => address === entry.gateway)) {
      throw new Refused('EINVAL: Nexthop has invalid gateway');
    }
    if (entry.type === 'onlink') return;
    const onLink = this.#hostRoutes().some(
      ({ destination, linkIndex, gateway }) =>
        gateway === undefined && linkIndex === device.link.index && cidrContains(destination, entry.gateway),
    );
    if (!onLink) throw new Refused('ENETUNREACH: Nexthop has invalid gateway');
  }

  #deleteRoute(entry: RouteEntry): void {
    if (entry.type !== 'blackhole') this.#device(entry.device);
    const key = cidrKey(entry.destination);
    const there = this.#routes.get(key);
    if (there !== undefined && printedRoute(there) === printedRoute(entry)) this.#routes.delete(key);
  }

  #forgetIpv4(name: string): void {
    const device = this.#device(name);
    for (const [key, route] of this.#routes) {
      const isIpv4 = typeof route.destination.address === 'number';
      if (isIpv4 && route.type !== 'blackhole' && route.device === name) this.#routes.delete(key);
    }
    for (const address of device.neighbors.keys()) if (typeof address === 'number') device.neighbors.delete(address);
    for (const [id, { gateway }] of device.nexthops) if (typeof gateway === 'number') device.nexthops.delete(id);
  }

  #dropRoutesOf(device: string): void {
    for (const [key, route] of this.#routes) {
      if (route.type !== 'blackhole' && route.device === device) this.#routes.delete(key);
    }
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

function holdings(link: ObservedLink): Holdings {
  return { link, addresses: [], neighbors: new Map(), fdb: new Map(), nexthops: new Map() };
}

function isGatewayRoute(route: RouteEntry): route is GatewayRoute {
  return route.type === 'onlink' || route.type === 'gateway';
}

/** `ip route` shows a nexthop object's gateway and device as well. */
function printedRoute(route: RouteEntry): string {
  if (!isGatewayRoute(route) || route.nexthop === undefined) return routeText(route);
  const { nexthop, ...plain } = route;
  return routeText(plain).replace(' via ', ` nhid ${nexthop} via `);
}

function faultOf(operation: Operation, { message }: Refused): Fault {
  if (operation.type === 'device-add' && message.startsWith('ENOTSUP')) {
    return new Fault('kernel.device-kind', { what: `the kernel has no devices of kind ${operation.device.kind}` });
  }
  if (operation.type === 'sysctl-set') {
    const { name, value } = operation;
    return new Fault('kernel.sysctl', { what: `${name} cannot be set to ${value}`, why: message });
  }
  return new Fault('kernel.netlink', { what: `${operationText(operation)} failed`, why: `the kernel says ${message}` });
}

function observedAddresses({ link, addresses }: Holdings): ObservedAddress[] {
  return addresses.map(({ address, length }) => ({
    linkIndex: link.index,
    address,
    length,
    scope: 0,
    permanent: true,
    deprecated: false,
    temporary: false,
  }));
}
