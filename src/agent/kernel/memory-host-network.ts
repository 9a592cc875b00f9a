/** The network of MemoryKernel's host itself: its addresses, the routes that they make, and those of other programs. */
import { addressBits, cidrContains, type Family, familyOf, type Ip, maskCidr } from '#model/ip.ts';
import type { RouteLookup } from './kernel.ts';
import type { HostRoute, ObservedAddress } from './state.ts';

export class MemoryHostNetwork {
  addresses: readonly ObservedAddress[];
  readonly defaultRoutes: { readonly [family in Family]?: number };
  readonly #foreignRoutes: HostRoute[];

  /** `defaultRoutes`: index of the interface of each. `routes`: those of others. */
  constructor(
    addresses: readonly ObservedAddress[],
    defaultRoutes: { readonly [family in Family]?: number },
    routes: readonly HostRoute[],
  ) {
    this.addresses = addresses;
    this.defaultRoutes = defaultRoutes;
    this.#foreignRoutes = [...routes];
  }

  /** A route of somebody else's. */
  add(route: HostRoute): void {
    this.#foreignRoutes.push(route);
  }

  /** What the addresses on the host's own interfaces make, and the others. */
  routes(): readonly HostRoute[] {
    const connected = this.addresses.flatMap(({ linkIndex, address, length }): HostRoute[] => {
      if (length === addressBits(address)) return [];
      return [{ destination: maskCidr({ address, length }), linkIndex, gateway: undefined }];
    });
    return [...connected, ...this.#foreignRoutes];
  }

  /** As `ip route get`. */
  lookup(address: Ip): RouteLookup | undefined {
    const [best] = this.routes()
      .filter(({ destination }) => cidrContains(destination, address))
      .toSorted((a, b) => b.destination.length - a.destination.length);
    const linkIndex = best?.linkIndex ?? this.defaultRoutes[familyOf(address)];
    if (linkIndex === undefined) return undefined;
    const source = this.addresses.find(
      (entry) => entry.linkIndex === linkIndex && familyOf(entry.address) === familyOf(address),
    );
    return { linkIndex, source: source?.address };
  }
}
