/** The links of MemoryKernel and what stands on each; it refuses and drops what Linux refuses and drops. */
import type { Ip } from '#model/ip.ts';
import type {
  AddressEntry,
  FdbEntry,
  IpipDevice,
  NeighborEntry,
  NexthopEntry,
  ObservedAddress,
  ObservedLink,
  Operation,
  VxlanDevice,
} from './state.ts';

/** In the kernel's words, with its errno names. */
export class Refused extends Error {}

/** What stands on one device. */
export interface Holdings {
  link: ObservedLink;
  addresses: AddressEntry[];
  readonly neighbors: Map<Ip, NeighborEntry>;
  readonly fdb: Map<string, FdbEntry>;
  readonly nexthops: Map<number, NexthopEntry>;
}

export class MemoryDevices {
  readonly #devices = new Map<string, Holdings>();
  readonly #lacks: readonly string[];
  #nextIndex: number;

  /** `lacks`: kinds of devices that this kernel was built without. */
  constructor(links: readonly ObservedLink[], lacks: readonly string[]) {
    for (const link of links) this.#devices.set(link.name, holdings(link));
    this.#lacks = lacks;
    this.#nextIndex = Math.max(0, ...links.map(({ index }) => index)) + 1;
  }

  has(name: string): boolean {
    return this.#devices.has(name);
  }

  find(name: string): Holdings | undefined {
    return this.#devices.get(name);
  }

  all(): readonly Holdings[] {
    return [...this.#devices.values()];
  }

  get(name: string): Holdings {
    const device = this.#devices.get(name);
    if (device === undefined) throw new Refused('ENODEV');
    return device;
  }

  /** One that a route or nexthop may lead over. */
  getUp(name: string): Holdings {
    const device = this.get(name);
    if (!device.link.up) throw new Refused('ENETDOWN: Nexthop device is not up');
    return device;
  }

  /** A link of any kind that somebody else made, or another state of one that is there. */
  put(link: ObservedLink): void {
    const device = this.#devices.get(link.name);
    if (device === undefined) this.#devices.set(link.name, holdings(link));
    else device.link = link;
  }

  add(device: VxlanDevice | IpipDevice): void {
    const { kind, name, mtu } = device;
    if (this.#lacks.includes(kind)) throw new Refused('ENOTSUP: Unknown device type');
    if (this.#devices.has(name)) throw new Refused('EEXIST');
    const index = this.#nextIndex++;
    if (device.kind === 'ipip') {
      const ipip = { local: device.local, remote: 0 };
      this.#devices.set(name, holdings({ index, name, kind, mtu, mac: '', up: false, ipip }));
      return;
    }
    const underlayIndex = this.get(device.underlay).link.index;
    const { mac, vni, local, port, learning, gbp } = device;
    const rival = this.all().some(
      ({ link: { vxlan } }) => vxlan?.vni === vni && vxlan.port === port && typeof vxlan.local === typeof local,
    );
    if (rival) throw new Refused('EEXIST: A VXLAN device with the specified VNI already exists');
    const vxlan = { vni, local, underlayIndex, port, learning, gbp };
    this.#devices.set(name, holdings({ index, name, kind, mtu, mac, up: false, vxlan }));
  }

  delete(name: string): void {
    if (!this.#devices.delete(name)) throw new Refused('ENODEV');
  }

  set({ name, mac, mtu, up }: Operation & { readonly type: 'device-set' }): void {
    const device = this.get(name);
    // Linux forgets every neighbour of a device whose MAC changes, permanent ones too.
    if (mac !== undefined) device.neighbors.clear();
    device.link = {
      ...device.link,
      ...(mac === undefined ? {} : { mac }),
      ...(mtu === undefined ? {} : { mtu }),
      ...(up === undefined ? {} : { up }),
    };
    if (up === false) {
      device.nexthops.clear();
      device.neighbors.clear();
      // An IPv6 address does not outlive the device being up.
      device.addresses = device.addresses.filter(({ address }) => typeof address === 'number');
    }
  }

  addAddress(entry: AddressEntry): void {
    const device = this.get(entry.device);
    if (device.addresses.some(({ address }) => address === entry.address)) throw new Refused('EEXIST');
    device.addresses.push(entry);
  }

  /** Whether the device has IPv4 afterwards: Linux turns it off on a device without an address. */
  deleteAddress(entry: AddressEntry): boolean {
    const device = this.get(entry.device);
    device.addresses = device.addresses.filter(({ address }) => address !== entry.address);
    if (device.addresses.some(({ address }) => typeof address === 'number')) return true;
    for (const address of device.neighbors.keys()) if (typeof address === 'number') device.neighbors.delete(address);
    for (const [id, { gateway }] of device.nexthops) if (typeof gateway === 'number') device.nexthops.delete(id);
    return false;
  }

  /** An id is one object, whatever device it is on. */
  replaceNexthop(entry: NexthopEntry): void {
    const device = this.getUp(entry.device);
    for (const other of this.#devices.values()) other.nexthops.delete(entry.id);
    device.nexthops.set(entry.id, entry);
  }
}

/** The addresses of a device as the kernel tells them. */
export function observedAddresses({ link, addresses }: Holdings): ObservedAddress[] {
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

function holdings(link: ObservedLink): Holdings {
  return { link, addresses: [], neighbors: new Map(), fdb: new Map(), nexthops: new Map() };
}
