/** Reads the devices around the Pods: bridges with an address in our subnet, their ports, and what shapes traffic on them. */
import { type Ipv4Cidr, ipv4CidrContains } from '#model/cidr.ts';
import { dumpAddresses } from '#netlink/address.ts';
import { dumpEnslavedLinks, dumpLearnedMacs, dumpQdiscs, type EnslavedLink } from '#netlink/bridge.ts';
import { dumpLinks, type Link } from '#netlink/link.ts';
import { dumpNeighbors } from '#netlink/neighbor.ts';
import type { NetlinkSocket } from '#netlink/socket.ts';
import type { ObservedBridge, ObservedPort } from './find-endpoints.ts';
import type { Surroundings } from './path-kernel.ts';

/** What a device has that has no queue of its own. */
const NO_QUEUE = 'noqueue';
/** Those at which packets from a device are looked at. */
const INGRESS = new Set(['ingress', 'clsact']);

export function lookAround(socket: NetlinkSocket, subnet: Ipv4Cidr, tunnelName: string): Surroundings {
  const links = dumpLinks(socket);
  const tunnel = links.find(({ name }) => name === tunnelName);
  const inSubnet = new Set(
    dumpAddresses(socket)
      .filter(({ address }) => typeof address === 'number' && ipv4CidrContains(subnet, address))
      .map(({ linkIndex }) => linkIndex),
  );
  const bridges = links.filter(({ index, kind }) => kind === 'bridge' && inSubnet.has(index));
  if (tunnel === undefined || bridges.length === 0) return { tunnel: tunnel?.index, obstacle: undefined, bridges: [] };
  const enslaved = dumpEnslavedLinks(socket);
  const qdiscs = qdiscsByLink(socket);
  const isFiltered = (qdiscs.get(tunnel.index) ?? []).some((kind) => INGRESS.has(kind));
  return {
    tunnel: tunnel.index,
    obstacle: isFiltered
      ? `${tunnelName} has traffic control at its ingress (tc qdisc show dev ${tunnelName})`
      : undefined,
    bridges: bridges.map((bridge) => observeBridge(socket, bridge, subnet, links, enslaved, qdiscs)),
  };
}

function observeBridge(
  socket: NetlinkSocket,
  { index, name, mac }: Link,
  subnet: Ipv4Cidr,
  links: readonly Link[],
  enslaved: readonly EnslavedLink[],
  qdiscs: ReadonlyMap<number, readonly string[]>,
): ObservedBridge {
  const byIndex = new Map(links.map((link) => [link.index, link]));
  const ports = enslaved.flatMap((port): readonly ObservedPort[] => {
    const link = port.master === index ? byIndex.get(port.index) : undefined;
    if (link === undefined) return [];
    return [{ index: link.index, name: link.name, obstacle: portObstacle(port, link, qdiscs.get(link.index)) }];
  });
  const neighbors = dumpNeighbors(socket, index).flatMap(({ address, mac: behind }) =>
    typeof address === 'number' && ipv4CidrContains(subnet, address) ? [{ address, mac: behind }] : [],
  );
  const shaping = qdiscs.get(index);
  return {
    index,
    name,
    mac,
    ports,
    neighbors,
    learned: dumpLearnedMacs(socket, index),
    obstacle: shaping === undefined ? undefined : `${name} has traffic control (${shaping.join(', ')})`,
  };
}

function portObstacle(port: EnslavedLink, link: Link, shaping: readonly string[] | undefined): string | undefined {
  if (link.kind !== 'veth' || !port.leadsElsewhere) return 'no veth whose other end is in another network namespace';
  if (!link.up) return 'it is down';
  return shaping === undefined ? undefined : `it has traffic control (${shaping.join(', ')})`;
}

/** Kinds by device, for devices that have any. */
function qdiscsByLink(socket: NetlinkSocket): ReadonlyMap<number, readonly string[]> {
  const found = new Map<number, readonly string[]>();
  for (const { linkIndex, kind } of dumpQdiscs(socket)) {
    if (kind !== NO_QUEUE) found.set(linkIndex, [...(found.get(linkIndex) ?? []), kind]);
  }
  return found;
}
