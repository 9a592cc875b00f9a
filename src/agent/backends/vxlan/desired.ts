/**
 * What the vxlan backend wants in the kernel, for each family: one device, its single address, and per peer a permanent
 * neighbour, an FDB entry and an onlink route, exactly as flannel leaves them (spec §5.1). With DirectRouting a peer that
 * is reached without a gateway gets a plain route instead.
 */
import type { Desired, DesiredRequest, RefusedLease, Underlay } from '#agent/backends/backend.ts';
import { directRoutes } from '#agent/backends/direct-route.ts';
import { hostOf } from '#agent/backends/peer-host.ts';
import type { AddressEntry, FdbEntry, NeighborEntry, RouteEntry, VxlanDevice } from '#agent/kernel/state.ts';
import { addressBits, type Cidr, type Family } from '#model/ip.ts';
import type { Lease } from '#model/lease.ts';
import type { Mac } from '#model/mac.ts';
import { OVERHEAD_BYTES, vxlanDeviceName } from './families.ts';
import { peerVxlanData } from './lease-data.ts';
import type { VxlanOptions } from './options.ts';

interface Rows {
  readonly devices: VxlanDevice[];
  readonly addresses: AddressEntry[];
  readonly neighbors: NeighborEntry[];
  readonly fdb: FdbEntry[];
  readonly routes: RouteEntry[];
}

export function desiredVxlanState(
  options: VxlanOptions,
  families: readonly Family[],
  request: DesiredRequest,
): Desired {
  const rows: Rows = { devices: [], addresses: [], neighbors: [], fdb: [], routes: [] };
  const refused: RefusedLease[] = [];
  for (const family of families) wantFamily(family, options, request, rows, refused);
  return { state: rows, refused };
}

/** MTU of the device of that family. */
export function vxlanDeviceMtu(options: VxlanOptions, underlay: Underlay, family: Family): number {
  return (options.mtu ?? underlay.mtu) - OVERHEAD_BYTES[family];
}

function wantFamily(
  family: Family,
  options: VxlanOptions,
  request: DesiredRequest,
  rows: Rows,
  refused: RefusedLease[],
): void {
  const { underlay, identity, own } = request;
  const local = underlay[family]?.address;
  const mac = identity.macs[family];
  if (local === undefined || mac === undefined) return;
  const device = vxlanDeviceName(options, family);
  const { vni, port, learning, gbp } = options;
  const mtu = vxlanDeviceMtu(options, underlay, family);
  rows.devices.push({
    kind: 'vxlan',
    name: device,
    vni,
    mtu,
    mac,
    local,
    underlay: underlay.name,
    port,
    learning,
    gbp,
  });
  const base = own?.subnet[family]?.address;
  if (base !== undefined) rows.addresses.push({ device, address: base, length: addressBits(base) });

  const isDirect = options.directRouting ? directRoutes(request.hostRoutes, underlay.index) : () => false;
  const peers: Peers = { byMac: new Map(), more: [] };
  for (const lease of request.leases) {
    const subnet = lease.subnet[family];
    const host = hostOf(lease, family);
    if (subnet === undefined || host === undefined) continue;
    if (isDirect(host)) {
      rows.routes.push({ type: 'gateway', device: underlay.name, destination: subnet, gateway: host });
    } else takePeer(lease, family, { mac, vni }, peers, refused);
  }
  for (const [peer, lease] of peers.byMac) {
    const wanted = rowsOf(lease, family, device, peer);
    if (wanted === undefined) continue;
    rows.neighbors.push(wanted.neighbor);
    rows.fdb.push(wanted.fdb);
    rows.routes.push(wanted.route);
  }
  for (const { mac: peer, lease } of peers.more) {
    const first = peers.byMac.get(peer);
    const wanted = rowsOf(lease, family, device, peer);
    if (first === undefined || wanted === undefined || hostOf(first, family) !== hostOf(lease, family)) {
      refused.push({ lease, reason: ofOlder(peer) });
    } else {
      rows.neighbors.push(wanted.neighbor);
      rows.routes.push(wanted.route);
    }
  }
}

interface PeerRows {
  readonly neighbor: NeighborEntry;
  readonly fdb: FdbEntry;
  readonly route: RouteEntry;
}

/** What was wanted for a lease before: of ten thousand peers a pass makes anew what has changed. */
const KNOWN: { readonly [family in Family]: WeakMap<Lease, PeerRows> } = { ipv4: new WeakMap(), ipv6: new WeakMap() };

/** Undefined when the lease has no subnet or no address of that family. */
function rowsOf(lease: Lease, family: Family, device: string, mac: Mac): PeerRows | undefined {
  const known = KNOWN[family].get(lease);
  if (known?.fdb.device === device && known.fdb.mac === mac) return known;
  const destination: Cidr | undefined = lease.subnet[family];
  const host = hostOf(lease, family);
  if (destination === undefined || host === undefined) return undefined;
  const { address } = destination;
  const rows: PeerRows = {
    neighbor: { device, address, mac },
    fdb: { device, mac, destination: host },
    route: { type: 'onlink', device, destination, gateway: address },
  };
  KNOWN[family].set(lease, rows);
  return rows;
}

interface Peers {
  readonly byMac: Map<Mac, Lease>;
  /** Further leases of the same hosts. */
  readonly more: { readonly mac: Mac; readonly lease: Lease }[];
}

/**
 * The FDB can hold a MAC once, so of two hosts that name the same one the older claim is kept. Two leases of one host are no
 * conflict: a backup of etcd may bring back the record of a subnet that the host had before.
 */
function takePeer(
  lease: Lease,
  family: Family,
  own: { readonly mac: Mac; readonly vni: number },
  { byMac: peers, more }: Peers,
  refused: RefusedLease[],
): void {
  const { backendData, backendV6Data } = lease.attributes;
  const [name, data] =
    family === 'ipv4' ? (['BackendData', backendData] as const) : (['BackendV6Data', backendV6Data] as const);
  const parsed = peerVxlanData(data, name, own.vni);
  if ('reason' in parsed) {
    refused.push({ lease, reason: parsed.reason });
    return;
  }
  if (parsed.mac === own.mac) {
    refused.push({ lease, reason: `VtepMAC ${parsed.mac} is this host's own: was the machine cloned?` });
    return;
  }
  const rival = peers.get(parsed.mac);
  if (rival === undefined) {
    peers.set(parsed.mac, lease);
    return;
  }
  if (hostOf(rival, family) === hostOf(lease, family)) {
    more.push({ mac: parsed.mac, lease });
    return;
  }
  const [older, newer] = rival.created <= lease.created ? [rival, lease] : [lease, rival];
  peers.set(parsed.mac, older);
  refused.push({ lease: newer, reason: ofOlder(parsed.mac) });
}

function ofOlder(mac: Mac): string {
  return `VtepMAC ${mac} is already an older lease's: was a machine cloned?`;
}
