/** Kernel on rtnetlink: reads what is ours and writes operations as trains of messages. */
import { addressBits, type Family, type Ip } from '#model/ip.ts';
import { parseMac } from '#model/mac.ts';
import { dumpAddresses } from '#netlink/address.ts';
import { watchNetwork } from '#netlink/events.ts';
import { decodeFdbEntry, dumpFdb } from '#netlink/fdb.ts';
import { dumpLinks } from '#netlink/link.ts';
import { RTM_DELADDR, RTM_DELLINK, RTM_DELNEIGH, RTM_NEWADDR, RTPROT_BOOT } from '#netlink/message.ts';
import { dumpNeighbors } from '#netlink/neighbor.ts';
import { dumpNexthops, type Nexthop } from '#netlink/nexthop.ts';
import { forgetQuietLink, isQuietLink } from '#netlink/quiet-links.ts';
import type { MessageReader } from '#netlink/reader.ts';
import { type Refusal, refusalFault } from '#netlink/refusal.ts';
import { dumpRoutes, getRoute, type Route, RTN_BLACKHOLE, RTN_UNICAST } from '#netlink/route.ts';
import { NetlinkSocket } from '#netlink/socket.ts';
import { Fault } from '#runtime/fault.ts';
import { causerText, lookUpProcess } from './causer.ts';
import { concernsDevices, INDEX_OFFSET, type WatchedIndexes } from './concerns-devices.ts';
import { isDeviceOperation } from './diff.ts';
import { encodeOperation, type NetlinkOperation } from './encode-operation.ts';
import type { ApplyResult, FailedOperation, HostNetwork, Kernel } from './kernel.ts';
import { operationText } from './operation-text.ts';
import { OwnFdbWrites } from './own-fdb-writes.ts';
import { formerRoute, isAdvertisedDefault, isPlain, ownRoute, underlayRoute } from './own-routes.ts';
import {
  isFormerDevice,
  isSubnetNexthop,
  leadsToFabric,
  leadsToSubnet,
  type Ownership,
  ownFamilies,
} from './ownership.ts';
import type {
  AddressEntry,
  FdbEntry,
  HostRoute,
  NeighborEntry,
  NexthopEntry,
  Observed,
  ObservedLink,
  Operation,
  RouteEntry,
  SysctlEntry,
} from './state.ts';
import { observeSysctls, writeSysctl } from './sysctl.ts';

export class NetlinkKernel implements Kernel {
  readonly #socket: NetlinkSocket;
  readonly #namespace: string | undefined;
  /** Of the last look, for events. */
  #watched: WatchedIndexes = { devices: new Set(), former: new Set(), underlay: 0 };
  readonly #fdbWrites = new OwnFdbWrites();

  /** In the network namespace at that path, by default in the process's own. */
  constructor(namespace?: string) {
    this.#namespace = namespace;
    this.#socket = new NetlinkSocket(namespace);
  }

  close(): void {
    this.#socket.close();
  }

  host(reach?: Ip): HostNetwork {
    const route = reach === undefined ? undefined : getRoute(this.#socket, reach);
    const [ipv4, ipv6] = [this.#defaultRoute('ipv4'), this.#defaultRoute('ipv6')];
    return {
      links: dumpLinks(this.#socket),
      addresses: dumpAddresses(this.#socket),
      defaultRoutes: { ...(ipv4 === undefined ? {} : { ipv4 }), ...(ipv6 === undefined ? {} : { ipv6 }) },
      ...(route === undefined ? {} : { reach: { linkIndex: route.linkIndex, source: route.source } }),
    };
  }

  #defaultRoute(family: Family): number | undefined {
    const routes = dumpRoutes(this.#socket, { family, type: RTN_UNICAST });
    return routes.find((route) => route.destination.length === 0)?.linkIndex;
  }

  observe(ownership: Ownership): Observed {
    const links = dumpLinks(this.#socket);
    const addresses = dumpAddresses(this.#socket);
    const families = ownFamilies(ownership);
    const ownAddresses: AddressEntry[] = [];
    const neighbors: NeighborEntry[] = [];
    const fdb: FdbEntry[] = [];
    const routes: RouteEntry[] = [];
    const ours = links.filter(({ name }) => ownership.devices.includes(name));
    const former = links.filter(({ name }) => isFormerDevice(ownership, name));
    const { nexthops, takenNexthops, gateways } = this.#readNexthops(ownership, namesOf(ours), namesOf(former));
    for (const { index, name: device, kind } of ours) {
      for (const { linkIndex, address, length, scope } of addresses) {
        if (linkIndex === index && length === addressBits(address) && scope === 0) {
          ownAddresses.push({ device, address, length });
        }
      }
      if (kind === 'vxlan') this.#readFdb(index, device, fdb);
      for (const family of families) {
        if (kind === 'vxlan') this.#readNeighbors(index, device, family, neighbors);
        for (const route of dumpRoutes(this.#socket, { family, linkIndex: index })) {
          const entry = ownRoute(route, device, gateways, ownership);
          if (entry !== undefined) routes.push(entry);
        }
      }
    }
    for (const { index, name } of former) {
      for (const family of families) {
        for (const route of dumpRoutes(this.#socket, { family, linkIndex: index })) {
          const entry = formerRoute(route, name, gateways, ownership);
          if (entry !== undefined) routes.push(entry);
        }
      }
    }
    const underlay = links.find(({ name }) => name === ownership.underlay)?.index ?? 0;
    const hostRoutes: HostRoute[] = [];
    this.#watched = {
      devices: new Set(ours.map(({ index }) => index)),
      former: new Set(former.map(({ index }) => index)),
      underlay,
    };
    for (const family of families) this.#readHostRoutes(family, ownership, routes, hostRoutes);
    const fabric = { ownAddresses, neighbors, fdb, nexthops, takenNexthops, routes, hostRoutes };
    return { links, addresses, ...fabric, ...this.#readSysctls(ownership, underlay) };
  }

  #readSysctls({ sysctls, underlay: name }: Ownership, linkIndex: number): Partial<Observed> {
    if (sysctls === undefined) return {};
    const family = 'ipv6';
    const routes = (): readonly Route[] => dumpRoutes(this.#socket, { family, linkIndex, type: RTN_UNICAST });
    return observeSysctls(sysctls, this.#namespace, name, () => routes().some(isAdvertisedDefault));
  }

  apply(operations: Iterable<Operation>): ApplyResult {
    const failed: FailedOperation[] = [];
    let applied = 0;
    let indexes = this.#indexes();
    let batch: NetlinkOperation[] = [];
    const flush = (): void => {
      const result = this.#socket.train(batch, (writer, operation) => encodeOperation(writer, operation, indexes));
      applied += result.applied;
      for (const { item, refusal } of result.failed) {
        if (!isAlreadyGone(item, refusal.code)) {
          failed.push({ operation: item, fault: operationFault(item, refusal) });
        } else applied += 1;
      }
      for (const operation of batch)
        if (operation.type === 'device-add') this.#ignoreAdvertisements(operation.device.name);
      batch = [];
    };
    for (const operation of operations) {
      if (operation.type === 'sysctl-set') {
        flush();
        const fault = this.#setSysctl(operation);
        if (fault === undefined) applied += 1;
        else failed.push({ operation, fault });
        continue;
      }
      batch.push(operation);
      if (operation.type === 'fdb-replace') this.#fdbWrites.replacing(operation.entry);
      else if (operation.type === 'fdb-delete') this.#fdbWrites.deleting(operation.entry);
      // What follows may name a device that does not exist before.
      if (isDeviceOperation(operation) || batch.length >= LONGEST_BATCH) {
        flush();
        if (isDeviceOperation(operation)) indexes = this.#indexes();
      }
    }
    flush();
    return { applied, failed };
  }

  watch(ownership: () => Ownership | undefined, listener: (by?: string) => void): () => void {
    const lookUp = lookUpProcess(this.#namespace);
    return watchNetwork((port) => listener(causerText(port, lookUp)), {
      ...(this.#namespace === undefined ? {} : { namespace: this.#namespace }),
      ignorePort: this.#socket.port,
      concerns: (message) => {
        const ours = ownership();
        if (ours === undefined || this.#isOfContainer(message)) return false;
        return concernsDevices(message, ours, this.#watched) && !this.#isOwnFdbWrite(message);
      },
    });
  }

  /** An address of a link that this process has made for a container. */
  #isOfContainer(message: MessageReader): boolean {
    switch (message.type) {
      case RTM_NEWADDR:
      case RTM_DELADDR:
        return isQuietLink(this.#namespace, message.u32(INDEX_OFFSET));
      case RTM_DELLINK:
        forgetQuietLink(this.#namespace, message.u32(INDEX_OFFSET));
        return false;
      default:
        return false;
    }
  }

  #isOwnFdbWrite(message: MessageReader): boolean {
    const entry = decodeFdbEntry(message);
    if (entry?.permanent !== true || entry.destination === undefined) return false;
    const { mac, destination } = entry;
    return this.#fdbWrites.isOwn(message.type === RTM_DELNEIGH ? 'gone' : 'there', { mac, destination });
  }

  #indexes(): ReadonlyMap<string, number> {
    return new Map(dumpLinks(this.#socket).map(({ name, index }) => [name, index]));
  }

  /** As flannel does: a router's advertisement inside the tunnel must not configure the device. Where it cannot be set, so be it. */
  #ignoreAdvertisements(device: string): void {
    // It may fail: IPv6 is off, /proc/sys is read-only, or the device could not be made.
    this.#setSysctl({ name: `net/ipv6/conf/${device}/accept_ra`, value: '0' });
  }

  #setSysctl(entry: SysctlEntry): Fault | undefined {
    try {
      writeSysctl(entry, this.#namespace);
      return undefined;
    } catch (error) {
      if (error instanceof Fault) return error;
      throw error;
    }
  }

  #readNeighbors(index: number, device: string, family: Family, into: NeighborEntry[]): void {
    for (const { address, mac, permanent } of dumpNeighbors(this.#socket, index, family)) {
      if (permanent && mac !== undefined) into.push({ device, address, mac });
    }
  }

  /** Unicast entries with a destination; the all-zero default entry is never ours. */
  #readFdb(index: number, device: string, into: FdbEntry[]): void {
    for (const { mac, destination, permanent } of dumpFdb(this.#socket, index)) {
      if (!permanent || destination === undefined || parseMac(mac) === undefined) continue;
      into.push({ device, mac, destination });
    }
  }

  /** `ours` and `former`: names of our devices, and of those that another backend left, by index. */
  #readNexthops(
    ownership: Ownership,
    ours: ReadonlyMap<number, string>,
    former: ReadonlyMap<number, string>,
  ): {
    readonly nexthops: readonly NexthopEntry[];
    readonly takenNexthops: ReadonlySet<number>;
    readonly gateways: ReadonlyMap<number, Nexthop>;
  } {
    const nexthops: NexthopEntry[] = [];
    const takenNexthops = new Set<number>();
    const gateways = new Map<number, Nexthop>();
    for (const nexthop of dumpNexthops(this.#socket)) {
      const { id, linkIndex, gateway, protocol } = nexthop;
      const device = ours.get(linkIndex) ?? (isSubnetNexthop(ownership, id) ? former.get(linkIndex) : undefined);
      if (device === undefined || gateway === undefined || protocol !== RTPROT_BOOT) {
        takenNexthops.add(id);
        continue;
      }
      gateways.set(id, nexthop);
      nexthops.push({ id, device, gateway });
    }
    return { nexthops, takenNexthops, gateways };
  }

  /** Of the routes that are not over our devices: those that are ours, and the host's own when they are asked for. */
  #readHostRoutes(family: Family, ownership: Ownership, into: RouteEntry[], hostRoutes: HostRoute[]): void {
    const { devices, former, underlay } = this.#watched;
    const isKnown = ({ linkIndex, destination }: Route): boolean =>
      devices.has(linkIndex) || (former.has(linkIndex) && leadsToFabric(ownership, destination));
    const ofUnderlay = (route: Route): RouteEntry | undefined =>
      underlay !== 0 && route.linkIndex === underlay ? underlayRoute(route, ownership) : undefined;
    const filter = ownership.hostRoutes ? {} : { linkIndex: underlay };
    if (ownership.hostRoutes || underlay !== 0) {
      for (const route of dumpRoutes(this.#socket, { family, type: RTN_UNICAST, ...filter })) {
        const entry = ofUnderlay(route);
        if (entry !== undefined) into.push(entry);
        else if (ownership.hostRoutes && !isKnown(route)) {
          hostRoutes.push({ destination: route.destination, linkIndex: route.linkIndex, gateway: route.gateway });
        }
      }
    }
    if (!ownership.blackholes) return;
    for (const route of dumpRoutes(this.#socket, { family, type: RTN_BLACKHOLE })) {
      const { destination } = route;
      if (isPlain(route) && leadsToSubnet(ownership, destination)) into.push({ type: 'blackhole', destination });
    }
  }
}

function namesOf(links: readonly ObservedLink[]): ReadonlyMap<number, string> {
  return new Map(links.map(({ index, name }) => [index, name]));
}

function operationFault(operation: Operation, refusal: Refusal): Fault {
  if (operation.type === 'device-add' && refusal.code === 'ENOTSUP') {
    const { kind } = operation.device;
    return new Fault('kernel.device-kind', {
      what: `the kernel has no devices of kind ${kind}`,
      why: `${operationText(operation)}: ${refusal.text}`,
      remedy: `load its module (modprobe ${kind}), or choose another backend in the network configuration`,
    });
  }
  return refusalFault(`${operationText(operation)} failed`, refusal);
}

/** Bounds what is kept while a long list of operations passes through. */
const LONGEST_BATCH = 4096;

/** Deleting what is not there any more is success: an object may go together with another one. */
function isAlreadyGone(operation: Operation, code: string): boolean {
  if (!operation.type.endsWith('-delete')) return false;
  return ['ESRCH', 'ENOENT', 'ENODEV', 'EADDRNOTAVAIL'].includes(code);
}
