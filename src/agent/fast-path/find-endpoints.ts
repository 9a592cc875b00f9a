/**
 * Which Pods are behind which ports of the bridges in our subnet, from what the kernel knows of them: a neighbour of the bridge
 * says the address's MAC, the bridge says the MAC's port. Traffic on the fast path refreshes neither, so what was found once
 * holds for as long as its port stands and nothing says otherwise. Pure.
 */
import type { Ipv4 } from '#model/ipv4.ts';
import type { Mac } from '#model/mac.ts';
import type { Endpoint } from './path-state.ts';

export interface ObservedBridge {
  readonly index: number;
  readonly name: string;
  readonly mac: Mac;
  readonly ports: readonly ObservedPort[];
  /** Addresses of our subnet; a MAC is missing while it is asked for. */
  readonly neighbors: readonly { readonly address: Ipv4; readonly mac: Mac | undefined }[];
  /** Behind which port a MAC was seen. */
  readonly learned: readonly { readonly port: number; readonly mac: Mac }[];
  /** Why its Pods stay on the ordinary path. */
  readonly obstacle: string | undefined;
}

export interface ObservedPort {
  readonly index: number;
  readonly name: string;
  /** Why its Pod stays on the ordinary path; undefined when nothing speaks against it. */
  readonly obstacle: string | undefined;
}

/** The path of what is behind one port. */
export interface PortPath {
  readonly device: string;
  /** Empty when none is known. */
  readonly addresses: readonly Ipv4[];
  /** Undefined on the fast path. */
  readonly obstacle: string | undefined;
}

export interface FoundEndpoints {
  readonly endpoints: readonly Endpoint[];
  readonly ports: readonly PortPath[];
}

/** `remembered` is what was found before. */
export function findEndpoints(
  bridges: readonly ObservedBridge[],
  remembered: readonly Endpoint[],
  most: number,
): FoundEndpoints {
  const endpoints: Endpoint[] = [];
  const ports: PortPath[] = [];
  for (const bridge of bridges) {
    const found = endpointsOf(bridge, remembered);
    for (const { index, name, obstacle: own } of bridge.ports) {
      const behind = found.filter(({ port }) => port === index);
      const addresses = behind.map(({ address }) => address);
      const room = endpoints.length + behind.length <= most ? undefined : `more than ${most} Pods`;
      const unknown = behind.length === 0 ? 'its address is not known yet' : undefined;
      const obstacle = bridge.obstacle ?? own ?? room ?? unknown;
      ports.push({ device: name, addresses, obstacle });
      if (obstacle === undefined) endpoints.push(...behind);
    }
  }
  return { endpoints: endpoints.sort((a, b) => a.address - b.address), ports };
}

function endpointsOf(bridge: ObservedBridge, remembered: readonly Endpoint[]): readonly Endpoint[] {
  const places = placesOf(bridge);
  const macs = new Map(bridge.neighbors.map(({ address, mac }) => [address, mac]));
  const found = new Map<Ipv4, Endpoint>();
  for (const endpoint of remembered) {
    if (endpoint.bridge === bridge.index && isStillSo(endpoint, bridge, places, macs)) {
      found.set(endpoint.address, { ...endpoint, bridgeMac: bridge.mac });
    }
  }
  for (const [address, podMac] of macs) {
    const port = podMac === undefined ? undefined : places.get(podMac);
    if (podMac === undefined || port === undefined || port === 'several') continue;
    found.set(address, { address, port, bridge: bridge.index, podMac, bridgeMac: bridge.mac });
  }
  return [...found.values()];
}

/** A MAC in two places at once (VLANs, a loop) is in none. */
function placesOf({ learned }: ObservedBridge): ReadonlyMap<Mac, number | 'several'> {
  const places = new Map<Mac, number | 'several'>();
  for (const { port, mac } of learned) {
    const known = places.get(mac);
    places.set(mac, known === undefined || known === port ? port : 'several');
  }
  return places;
}

function isStillSo(
  { address, port, podMac }: Endpoint,
  bridge: ObservedBridge,
  places: ReadonlyMap<Mac, number | 'several'>,
  macs: ReadonlyMap<Ipv4, Mac | undefined>,
): boolean {
  if (!bridge.ports.some(({ index }) => index === port)) return false;
  const mac = macs.has(address) ? macs.get(address) : podMac;
  const place = places.get(podMac) ?? port;
  return mac === podMac && place === port;
}
