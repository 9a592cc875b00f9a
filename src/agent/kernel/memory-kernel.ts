/**
 * MemoryKernel: the strict fake of the Kernel seam. It holds links, what stands on them and table main, refuses what Linux
 * refuses (an object on a missing device, a second device of a name, a gateway that is not on the link, a route by an
 * absent nexthop), drops with a device or a MAC what Linux drops, and prints itself as `ip` and `bridge` do. The
 * compliance suite holds it to the real one.
 */
import { cidrEncloses, type Family, familyOf, type Ip } from '#model/ip.ts';
import { Fault } from '#runtime/fault.ts';
import type { ApplyResult, FailedOperation, HostNetwork, Kernel } from './kernel.ts';
import { MemoryDevices, observedAddresses, Refused } from './memory-devices.ts';
import { MemoryHostNetwork } from './memory-host-network.ts';
import { MemoryRoutes } from './memory-routes.ts';
import { MemorySysctls } from './memory-sysctls.ts';
import { printedDevice, printedRoute } from './memory-text.ts';
import { operationText } from './operation-text.ts';
import { isFormerDevice, isSubnetNexthop, leadsToFabric, leadsToSubnet, type Ownership } from './ownership.ts';
import type { HostRoute, Observed, ObservedAddress, ObservedLink, Operation, RouteEntry } from './state.ts';

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

export class MemoryKernel implements Kernel {
  readonly #devices: MemoryDevices;
  readonly #routes: MemoryRoutes;
  readonly #network: MemoryHostNetwork;
  readonly #sysctls: MemorySysctls;
  readonly #host: MemoryHost;
  readonly #takenNexthops = new Set<number>();
  readonly #listeners = new Set<(by?: string) => void>();
  /** Operations taken since the beginning: a test sees whether anything was written. */
  written = 0;
  /** How often it was looked at. */
  looks = 0;

  constructor(host: MemoryHost) {
    this.#host = host;
    this.#devices = new MemoryDevices(host.links, host.lacks ?? []);
    this.#network = new MemoryHostNetwork(host.addresses, host.defaultRoutes ?? {}, host.routes ?? []);
    this.#routes = new MemoryRoutes(this.#devices, this.#network);
    this.#sysctls = new MemorySysctls(host.sysctls ?? {}, (name) => this.#devices.has(name));
  }

  close(): void {
    this.#listeners.clear();
  }

  host(reach?: Ip): HostNetwork {
    const route = reach === undefined ? undefined : this.#network.lookup(reach);
    return {
      links: this.#links(),
      addresses: this.#addresses(),
      defaultRoutes: this.#network.defaultRoutes,
      ...(route === undefined ? {} : { reach: route }),
    };
  }

  observe(ownership: Ownership): Observed {
    this.looks += 1;
    const all = this.#devices.all();
    const ours = all.filter(({ link }) => ownership.devices.includes(link.name));
    const former = all.filter(({ link }) => isFormerDevice(ownership, link.name));
    const formerNexthops = former
      .flatMap((device) => [...device.nexthops.values()])
      .filter(({ id }) => isSubnetNexthop(ownership, id));
    const families = ownership.networks.map(({ network }) => familyOf(network.address));
    return {
      links: this.#links(),
      addresses: this.#addresses(),
      ownAddresses: ours.flatMap((device) => device.addresses),
      neighbors: ours.flatMap((device) => [...device.neighbors.values()]),
      fdb: ours.flatMap((device) => [...device.fdb.values()]),
      nexthops: [...ours.flatMap((device) => [...device.nexthops.values()]), ...formerNexthops],
      takenNexthops: this.#takenNexthops,
      routes: this.#routes
        .all()
        .filter((route) => families.includes(familyOf(route.destination.address)) && isOurs(ownership, route)),
      hostRoutes: ownership.hostRoutes ? this.#network.routes() : [],
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
    this.#devices.put(link);
    if (!link.up) this.#routes.dropOf(link.name);
    this.#wake();
  }

  /** The host's addresses are these from now on. */
  setAddresses(addresses: readonly ObservedAddress[]): void {
    this.#network.addresses = addresses;
    this.#wake();
  }

  /** A route of somebody else's. */
  addRoute(route: HostRoute): void {
    this.#network.add(route);
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
    const device = this.#devices.find(name);
    return device === undefined ? [] : printedDevice(device, this.#routes.all());
  }

  /** All routes of protocol boot without a metric, as `ip route` would tell them. */
  printRoutes(): readonly string[] {
    return this.#routes.all().map(printedRoute);
  }

  #wake(by?: string): void {
    for (const listener of this.#listeners) listener(by);
  }

  #links(): readonly ObservedLink[] {
    return this.#devices.all().map(({ link }) => link);
  }

  #addresses(): readonly ObservedAddress[] {
    return [...this.#network.addresses, ...this.#devices.all().flatMap(observedAddresses)];
  }

  #do(operation: Operation): void {
    switch (operation.type) {
      case 'device-add':
        this.#devices.add(operation.device);
        // As the real one: a device of a fabric listens to no router.
        this.#sysctls.write(`net/ipv6/conf/${operation.device.name}/accept_ra`, '0');
        break;
      case 'device-delete':
        this.#devices.delete(operation.name);
        this.#routes.dropOf(operation.name);
        break;
      case 'device-set':
        this.#devices.set(operation);
        if (operation.up === false) this.#routes.dropOf(operation.name);
        break;
      case 'address-add':
        this.#devices.addAddress(operation.entry);
        break;
      case 'address-delete':
        if (!this.#devices.deleteAddress(operation.entry)) this.#routes.dropIpv4Of(operation.entry.device);
        break;
      case 'neighbor-replace':
        this.#devices.get(operation.entry.device).neighbors.set(operation.entry.address, operation.entry);
        break;
      case 'neighbor-delete':
        this.#devices.get(operation.entry.device).neighbors.delete(operation.entry.address);
        break;
      case 'fdb-replace':
        this.#devices.get(operation.entry.device).fdb.set(operation.entry.mac, operation.entry);
        break;
      case 'fdb-delete':
        this.#devices.get(operation.entry.device).fdb.delete(operation.entry.mac);
        break;
      case 'nexthop-replace':
        this.#devices.replaceNexthop(operation.entry);
        break;
      case 'nexthop-delete':
        this.#devices.get(operation.entry.device).nexthops.delete(operation.entry.id);
        this.#routes.dropBy(operation.entry.id);
        break;
      case 'route-add':
        this.#routes.add(operation.entry);
        break;
      case 'route-replace':
        this.#routes.replace(operation.entry);
        break;
      case 'route-delete':
        this.#routes.delete(operation.entry);
        break;
      case 'sysctl-set':
        if (this.#host.readOnlySysctls === true) throw new Refused('EROFS');
        if (!this.#sysctls.write(operation.name, operation.value)) throw new Refused('ENOENT');
        break;
    }
  }
}

function isOurs(ownership: Ownership, entry: RouteEntry): boolean {
  const { destination } = entry;
  if (entry.type === 'blackhole') return ownership.blackholes && leadsToSubnet(ownership, destination);
  const inside = ownership.networks.some(({ network }) => cidrEncloses(network, destination));
  if (ownership.devices.includes(entry.device)) return entry.type !== 'link' || inside;
  if (isFormerDevice(ownership, entry.device)) return leadsToFabric(ownership, destination);
  if (ownership.underlayRoutes === 'operators') return false;
  return entry.device === ownership.underlay && entry.type !== 'link' && inside;
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
