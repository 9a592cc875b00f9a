/** Peers out of leases: where each is reached and which subnets are behind it, for every Mode (spec §5.5). Pure. */
import type { RefusedLease } from '#agent/backends/backend.ts';
import type { WireguardPeer } from '#agent/backends/engine-state.ts';
import { type Family, formatCidr, formatIp, type Ip } from '#model/ip.ts';
import type { Ipv4 } from '#model/ipv4.ts';
import type { Ipv6 } from '#model/ipv6.ts';
import type { Lease } from '#model/lease.ts';
import { parseWireguardLeaseData, type WireguardLeaseData } from './lease-data.ts';
import type { WireguardMode, WireguardOptions } from './options.ts';

export interface PeersRequest {
  readonly options: WireguardOptions;
  /** Of the network. */
  readonly families: readonly Family[];
  readonly ownPublicKey: string;
  /** Addresses that this host advertises. */
  readonly ownAddresses: { readonly ipv4: Ipv4 | undefined; readonly ipv6: Ipv6 | undefined };
  readonly leases: readonly Lease[];
}

export interface PeersOfDevice {
  readonly peers: readonly WireguardPeer[];
  readonly refused: readonly RefusedLease[];
}

type Reading = WireguardPeer | { readonly reason: string };

/** Peers of the device of one family, in mode `separate`. */
export function separatePeers(request: PeersRequest, family: Family): PeersOfDevice {
  const { listenPort, listenPortV6 } = request.options;
  return collect(request, (lease) => {
    const data = leaseDataOf(lease, family);
    if ('reason' in data) return data;
    const subnet = lease.subnet[family];
    if (subnet === undefined) return { reason: `it has no ${TITLES[family]} subnet` };
    const address = family === 'ipv4' ? publicIpv4(lease) : publicIpv6(lease);
    if (address === undefined) return { reason: `it has no ${ADDRESS_FIELDS[family]}` };
    const port = data.port ?? (family === 'ipv4' ? listenPort : listenPortV6);
    return peerOf(request, { publicKey: data.publicKey, address, port, allowedIps: [formatCidr(subnet)] });
  });
}

/** Peers of the one device for both families, in every other mode. */
export function singlePeers(request: PeersRequest): PeersOfDevice {
  const { options, families } = request;
  return collect(request, (lease) => {
    // The key is the one in the IPv6 data, when there is IPv6; it is the same in both that a host writes.
    const data = leaseDataOf(lease, families.includes('ipv6') ? 'ipv6' : 'ipv4');
    if ('reason' in data) return data;
    const allowedIps = families.flatMap((family) => {
      const subnet = lease.subnet[family];
      return subnet === undefined ? [] : [formatCidr(subnet)];
    });
    if (allowedIps.length === 0) return { reason: 'it has no subnet of the families of the network' };
    const address = singleAddress(options.mode, lease, request.ownAddresses);
    if (address === undefined) return { reason: `it has no ${missingAddress(options.mode)} (Mode is ${options.mode})` };
    const port = singlePort(lease, families) ?? options.listenPort;
    return peerOf(request, { publicKey: data.publicKey, address, port, allowedIps });
  });
}

/** flannel writes ListenPortV6 into the IPv6 data although its one device listens on ListenPort: the IPv4 data knows. */
function singlePort(lease: Lease, families: readonly Family[]): number | undefined {
  const ports = families.map((family) => {
    const data = leaseDataOf(lease, family);
    return 'port' in data ? data.port : undefined;
  });
  return ports[0];
}

/** The address that a peer is reached at over the one device. */
function singleAddress(
  mode: WireguardMode,
  lease: Lease,
  own: { readonly ipv4: Ipv4 | undefined; readonly ipv6: Ipv6 | undefined },
): Ip | undefined {
  const ipv4 = publicIpv4(lease);
  const ipv6 = publicIpv6(lease);
  if (mode === 'ipv4') return ipv4;
  if (mode === 'ipv6') return ipv6;
  if (ipv4 === undefined || ipv6 === undefined) return ipv4 ?? ipv6;
  if (!isPrivateIpv4(ipv4) && own.ipv4 !== undefined) return ipv4;
  return isUniqueLocal(ipv6) || own.ipv6 === undefined || isUniqueLocal(own.ipv6) ? ipv4 : ipv6;
}

/** The peers whose leases can be used. Of two leases with one key the older claim is kept. */
function collect(request: PeersRequest, read: (lease: Lease) => Reading): PeersOfDevice {
  const chosen = new Map<string, { readonly lease: Lease; readonly peer: WireguardPeer }>();
  const refused: RefusedLease[] = [];
  for (const lease of request.leases) {
    const peer = read(lease);
    if ('reason' in peer) {
      refused.push({ lease, reason: peer.reason });
      continue;
    }
    if (peer.publicKey === request.ownPublicKey) {
      refused.push({ lease, reason: `public key ${peer.publicKey} is this host's own: was the machine cloned?` });
      continue;
    }
    const rival = chosen.get(peer.publicKey);
    const loser = rival === undefined ? undefined : rival.lease.created <= lease.created ? lease : rival.lease;
    if (loser !== lease) chosen.set(peer.publicKey, { lease, peer });
    if (loser === undefined) continue;
    const reason = `public key ${peer.publicKey} is already an older lease's: was a machine cloned?`;
    refused.push({ lease: loser, reason });
  }
  return { peers: Array.from(chosen.values(), ({ peer }) => peer), refused };
}

const TITLES = { ipv4: 'IPv4', ipv6: 'IPv6' } as const;
const ADDRESS_FIELDS = { ipv4: 'PublicIP', ipv6: 'PublicIPv6' } as const;

function missingAddress(mode: WireguardMode): string {
  if (mode === 'ipv4' || mode === 'ipv6') return ADDRESS_FIELDS[mode];
  return `${ADDRESS_FIELDS.ipv4} and no ${ADDRESS_FIELDS.ipv6}`;
}

function leaseDataOf({ attributes }: Lease, family: Family): WireguardLeaseData | { readonly reason: string } {
  return family === 'ipv4'
    ? parseWireguardLeaseData(attributes.backendData, 'BackendData')
    : parseWireguardLeaseData(attributes.backendV6Data, 'BackendV6Data');
}

/** Undefined when the lease has none, which is 0.0.0.0 in a record. */
function publicIpv4({ attributes }: Lease): Ipv4 | undefined {
  return attributes.publicIp === 0 ? undefined : attributes.publicIp;
}

function publicIpv6({ attributes }: Lease): Ipv6 | undefined {
  return attributes.publicIpv6 === null || attributes.publicIpv6 === 0n ? undefined : attributes.publicIpv6;
}

interface Reached {
  readonly publicKey: string;
  readonly address: Ip;
  readonly port: number;
  readonly allowedIps: readonly string[];
}

function peerOf({ options }: PeersRequest, { publicKey, address, port, allowedIps }: Reached): WireguardPeer {
  const host = formatIp(address);
  return {
    publicKey,
    presharedKey: options.presharedKey,
    endpoint: typeof address === 'number' ? `${host}:${port}` : `[${host}]:${port}`,
    allowedIps,
    keepaliveSeconds: options.keepaliveSeconds,
  };
}

/** RFC 1918. */
function isPrivateIpv4(address: Ipv4): boolean {
  return address >>> 24 === 10 || address >>> 20 === 0xac1 || address >>> 16 === 0xc0a8;
}

/** fc00::/7, RFC 4193. */
function isUniqueLocal(address: Ipv6): boolean {
  return address >> 121n === 0x7en;
}
