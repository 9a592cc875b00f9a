/** Kernel on rtnetlink: reads what stands on our devices and writes operations as trains of messages. */

import type { Ipv4 } from '#model/ipv4.ts';
import { type Mac, parseMac } from '#model/mac.ts';
import { dumpAddresses } from '#netlink/address.ts';
import { watchNetwork } from '#netlink/events.ts';
import { decodeFdbEntry, dumpFdb } from '#netlink/fdb.ts';
import { dumpLinks } from '#netlink/link.ts';
import { RTM_DELNEIGH } from '#netlink/message.ts';
import { dumpNeighbors } from '#netlink/neighbor.ts';
import { dumpNexthops } from '#netlink/nexthop.ts';
import type { MessageReader } from '#netlink/reader.ts';
import { refusalFault } from '#netlink/refusal.ts';
import { dumpRoutes, getRoute } from '#netlink/route.ts';
import { NetlinkSocket } from '#netlink/socket.ts';
import { concernsDevices } from './concerns-devices.ts';
import { isDeviceOperation } from './diff.ts';
import { encodeOperation } from './encode-operation.ts';
import type { ApplyResult, FailedOperation, HostNetwork, Kernel } from './kernel.ts';
import { operationText } from './operation-text.ts';
import type { AddressEntry, FdbEntry, NeighborEntry, NexthopEntry, Observed, Operation, RouteEntry } from './state.ts';

const PROTOCOL_BOOT = 3;
const TYPE_UNICAST = 1;
const HOST_PREFIX = 32;

export class NetlinkKernel implements Kernel {
  readonly #socket: NetlinkSocket;
  readonly #namespace: string | undefined;
  /** Indexes of the devices of the last look, for events. */
  #watched = new Set<number>();
  /** Destinations in the FDB by MAC, as last seen or written. */
  readonly #fdb = new Map<Mac, Ipv4>();

  /** In the network namespace at that path, by default in the process's own. */
  constructor(namespace?: string) {
    this.#namespace = namespace;
    this.#socket = new NetlinkSocket(namespace);
  }

  close(): void {
    this.#socket.close();
  }

  host(): HostNetwork {
    const defaultRoute = dumpRoutes(this.#socket).find((route) => route.destination.length === 0);
    return {
      links: dumpLinks(this.#socket),
      addresses: dumpAddresses(this.#socket),
      defaultRouteIndex:
        defaultRoute === undefined || defaultRoute.linkIndex === 0 ? undefined : defaultRoute.linkIndex,
    };
  }

  routeTo(destination: Ipv4): { readonly linkIndex: number; readonly source: Ipv4 | undefined } | undefined {
    const route = getRoute(this.#socket, destination);
    return route === undefined ? undefined : { linkIndex: route.linkIndex, source: route.source };
  }

  observe(devices: readonly string[]): Observed {
    const links = dumpLinks(this.#socket);
    const addresses = dumpAddresses(this.#socket);
    const ownAddresses: AddressEntry[] = [];
    const neighbors: NeighborEntry[] = [];
    const fdb: FdbEntry[] = [];
    this.#fdb.clear();
    const nexthops: NexthopEntry[] = [];
    const routes: RouteEntry[] = [];
    const ours = links.filter(({ name }) => devices.includes(name));
    for (const { index, name: device } of ours) {
      for (const { linkIndex, address, length } of addresses) {
        if (linkIndex === index && length === HOST_PREFIX) ownAddresses.push({ device, address, length });
      }
      this.#readNeighbors(index, device, neighbors);
      this.#readFdb(index, device, fdb);
      const gateways = this.#readNexthops(index, device, nexthops);
      this.#readRoutes(index, device, gateways, routes);
    }
    this.#watched = new Set(ours.map(({ index }) => index));
    return { links, addresses, ownAddresses, neighbors, fdb, nexthops, routes };
  }

  apply(operations: Iterable<Operation>): ApplyResult {
    const failed: FailedOperation[] = [];
    let applied = 0;
    let indexes = this.#indexes();
    let batch: Operation[] = [];
    const flush = (): void => {
      const result = this.#socket.train(batch, (writer, operation) => encodeOperation(writer, operation, indexes));
      applied += result.applied;
      for (const { item, refusal } of result.failed) {
        if (!isAlreadyGone(item, refusal.code)) {
          failed.push({ operation: item, fault: refusalFault(`${operationText(item)} failed`, refusal) });
        } else applied += 1;
      }
      batch = [];
    };
    for (const operation of operations) {
      batch.push(operation);
      if (operation.type === 'fdb-replace') this.#fdb.set(operation.entry.mac, operation.entry.destination);
      else if (operation.type === 'fdb-delete') this.#fdb.delete(operation.entry.mac);
      // What follows may name a device that does not exist before.
      if (isDeviceOperation(operation) || batch.length >= LONGEST_BATCH) {
        flush();
        if (isDeviceOperation(operation)) indexes = this.#indexes();
      }
    }
    flush();
    return { applied, failed };
  }

  watch(devices: () => readonly string[], listener: () => void): () => void {
    return watchNetwork(listener, {
      ...(this.#namespace === undefined ? {} : { namespace: this.#namespace }),
      ignorePort: this.#socket.port,
      concerns: (message) => concernsDevices(message, devices(), this.#watched) && !this.#isKnownFdbEntry(message),
    });
  }

  /** The kernel does not say who wrote an FDB entry, so our own writes are told from others by what they say. */
  #isKnownFdbEntry(message: MessageReader): boolean {
    const entry = decodeFdbEntry(message);
    if (entry === undefined) return false;
    const known = this.#fdb.get(entry.mac);
    return message.type === RTM_DELNEIGH ? known === undefined : entry.permanent && known === entry.destination;
  }

  #indexes(): ReadonlyMap<string, number> {
    return new Map(dumpLinks(this.#socket).map(({ name, index }) => [name, index]));
  }

  #readNeighbors(index: number, device: string, into: NeighborEntry[]): void {
    for (const { address, mac, permanent } of dumpNeighbors(this.#socket, index)) {
      if (permanent && mac !== undefined) into.push({ device, address, mac });
    }
  }

  /** Unicast entries with a destination; the all-zero default entry is never ours. */
  #readFdb(index: number, device: string, into: FdbEntry[]): void {
    for (const { mac, destination, permanent } of dumpFdb(this.#socket, index)) {
      if (!permanent || destination === undefined || parseMac(mac) === undefined) continue;
      into.push({ device, mac, destination });
      this.#fdb.set(mac, destination);
    }
  }

  #readNexthops(index: number, device: string, into: NexthopEntry[]): ReadonlyMap<number, Ipv4> {
    const gateways = new Map<number, Ipv4>();
    for (const { id, gateway, protocol } of dumpNexthops(this.#socket, index)) {
      if (gateway === undefined || protocol !== PROTOCOL_BOOT) continue;
      gateways.set(id, gateway);
      into.push({ id, device, gateway });
    }
    return gateways;
  }

  /** Routes through a gateway, of protocol boot and metric 0, as flannel writes them; others an operator added. */
  #readRoutes(index: number, device: string, gateways: ReadonlyMap<number, Ipv4>, into: RouteEntry[]): void {
    for (const route of dumpRoutes(this.#socket, index)) {
      if (route.protocol !== PROTOCOL_BOOT || route.priority !== 0 || route.type !== TYPE_UNICAST) continue;
      const gateway = route.nexthop === undefined ? route.gateway : gateways.get(route.nexthop);
      if (gateway === undefined) continue;
      const entry = { device, destination: route.destination, gateway };
      into.push(route.nexthop === undefined ? entry : { ...entry, nexthop: route.nexthop });
    }
  }
}

/** Bounds what is kept while a long list of operations passes through. */
const LONGEST_BATCH = 4096;

/** Deleting what is not there any more is success: an object may go together with another one. */
function isAlreadyGone(operation: Operation, code: string): boolean {
  if (!operation.type.endsWith('-delete')) return false;
  return ['ESRCH', 'ENOENT', 'ENODEV', 'EADDRNOTAVAIL'].includes(code);
}
