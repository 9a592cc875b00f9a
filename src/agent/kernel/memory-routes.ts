/** Table main of MemoryKernel: its routes of protocol boot and without a metric, with what Linux refuses. */
import { type Cidr, cidrContains, cidrKey, sameCidr } from '#model/ip.ts';
import { type Holdings, type MemoryDevices, observedAddresses, Refused } from './memory-devices.ts';
import type { MemoryHostNetwork } from './memory-host-network.ts';
import { printedRoute } from './memory-text.ts';
import type { GatewayRoute, RouteEntry } from './state.ts';

export class MemoryRoutes {
  /** By destination. */
  readonly #routes = new Map<number | bigint, RouteEntry>();
  readonly #devices: MemoryDevices;
  readonly #network: MemoryHostNetwork;

  constructor(devices: MemoryDevices, network: MemoryHostNetwork) {
    this.#devices = devices;
    this.#network = network;
  }

  all(): readonly RouteEntry[] {
    return [...this.#routes.values()];
  }

  add(entry: RouteEntry): void {
    if (this.#isTaken(entry.destination)) throw new Refused('EEXIST: file already exists');
    this.replace(entry);
  }

  replace(entry: RouteEntry): void {
    if (entry.type === 'blackhole') {
      if (this.#isTaken(entry.destination)) throw new Refused('EEXIST');
    } else {
      const device = this.#devices.getUp(entry.device);
      if (entry.type !== 'link') this.#checkGateway(entry, device);
    }
    this.#routes.set(cidrKey(entry.destination), entry);
  }

  delete(entry: RouteEntry): void {
    if (entry.type !== 'blackhole') this.#devices.get(entry.device);
    const key = cidrKey(entry.destination);
    const there = this.#routes.get(key);
    if (there !== undefined && printedRoute(there) === printedRoute(entry)) this.#routes.delete(key);
  }

  /** Those over a device that is gone or down. */
  dropOf(device: string): void {
    this.#drop((route) => route.type !== 'blackhole' && route.device === device);
  }

  /** Those of IPv4 over a device that has none any more. */
  dropIpv4Of(device: string): void {
    this.#drop(
      (route) => typeof route.destination.address === 'number' && route.type !== 'blackhole' && route.device === device,
    );
  }

  /** Those by a nexthop object that is gone. */
  dropBy(nexthop: number): void {
    this.#drop((route) => (route.type === 'onlink' || route.type === 'gateway') && route.nexthop === nexthop);
  }

  #drop(goes: (route: RouteEntry) => boolean): void {
    for (const [key, route] of this.#routes) if (goes(route)) this.#routes.delete(key);
  }

  #isTaken(wanted: Cidr): boolean {
    return (
      this.#network.routes().some(({ destination }) => sameCidr(destination, wanted)) ||
      this.#routes.has(cidrKey(wanted))
    );
  }

  #checkGateway(entry: GatewayRoute, device: Holdings): void {
    if (entry.nexthop !== undefined) {
      if (!device.nexthops.has(entry.nexthop)) throw new Refused('EINVAL: Nexthop id does not exist');
      return;
    }
    const own = [...this.#network.addresses, ...this.#devices.all().flatMap(observedAddresses)];
    if (own.some(({ address }) => address === entry.gateway)) throw new Refused('EINVAL: Nexthop has invalid gateway');
    if (entry.type === 'onlink') return;
    const onLink = this.#network
      .routes()
      .some(
        ({ destination, linkIndex, gateway }) =>
          gateway === undefined && linkIndex === device.link.index && cidrContains(destination, entry.gateway),
      );
    if (!onLink) throw new Refused('ENETUNREACH: Nexthop has invalid gateway');
  }
}
