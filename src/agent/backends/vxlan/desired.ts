/**
 * What the vxlan backend wants in the kernel: one device, its /32 address, and per peer a permanent neighbour, an FDB entry
 * and an onlink route, exactly as flannel leaves them (spec §5.1).
 */
import type { DesiredRequest, RefusedLease, Underlay } from '#agent/backends/backend.ts';
import type { DesiredState, FdbEntry, NeighborEntry, RouteEntry, VxlanDevice } from '#agent/kernel/state.ts';
import type { Lease } from '#model/lease.ts';
import type { Mac } from '#model/mac.ts';
import { parseVxlanLeaseData } from './lease-data.ts';
import type { VxlanOptions } from './options.ts';

/** Outer Ethernet, IPv4, UDP and VXLAN headers. */
const OVERHEAD_BYTES = 50;

export function vxlanDeviceName(options: VxlanOptions): string {
  return `flannel.${options.vni}`;
}

export function vxlanMtu(options: VxlanOptions, underlay: Underlay): number {
  return (options.mtu ?? underlay.mtu) - OVERHEAD_BYTES;
}

export function desiredVxlanState(
  options: VxlanOptions,
  request: DesiredRequest,
): { readonly state: DesiredState; readonly refused: readonly RefusedLease[] } {
  const device = vxlanDeviceName(options);
  const { peers, refused } = readPeers(request);
  const neighbors: NeighborEntry[] = [];
  const fdb: FdbEntry[] = [];
  const routes: RouteEntry[] = [];
  for (const [mac, lease] of peers) {
    const subnet = lease.subnet.ipv4;
    neighbors.push({ device, address: subnet.address, mac });
    fdb.push({ device, mac, destination: lease.attributes.publicIp });
    routes.push({ device, destination: subnet, gateway: subnet.address });
  }
  const own = request.own?.subnet.ipv4.address;
  return {
    state: {
      devices: [desiredDevice(options, request)],
      addresses: own === undefined ? [] : [{ device, address: own, length: 32 }],
      neighbors,
      fdb,
      routes,
    },
    refused,
  };
}

/** Peers by MAC: the FDB can hold a MAC once, so of two leases that name the same one the older claim is kept. */
function readPeers({ mac: ownMac, leases }: DesiredRequest): { peers: Map<Mac, Lease>; refused: RefusedLease[] } {
  const peers = new Map<Mac, Lease>();
  const refused: RefusedLease[] = [];
  for (const lease of leases) {
    const parsed = parseVxlanLeaseData(lease.attributes.backendData);
    if ('reason' in parsed) {
      refused.push({ lease, reason: parsed.reason });
      continue;
    }
    if (parsed.mac === ownMac) {
      refused.push({ lease, reason: `VtepMAC ${parsed.mac} is this host's own: was the machine cloned?` });
      continue;
    }
    const rival = peers.get(parsed.mac);
    if (rival === undefined) {
      peers.set(parsed.mac, lease);
      continue;
    }
    const [older, newer] = rival.created <= lease.created ? [rival, lease] : [lease, rival];
    peers.set(parsed.mac, older);
    refused.push({ lease: newer, reason: `VtepMAC ${parsed.mac} is already an older lease's: was a machine cloned?` });
  }
  return { peers, refused };
}

function desiredDevice(options: VxlanOptions, { underlay, mac }: DesiredRequest): VxlanDevice {
  return {
    name: vxlanDeviceName(options),
    vni: options.vni,
    mtu: vxlanMtu(options, underlay),
    mac,
    local: underlay.address,
    underlay: underlay.name,
    port: options.port,
    learning: options.learning,
    gbp: options.gbp,
  };
}
