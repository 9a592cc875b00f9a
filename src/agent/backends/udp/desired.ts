/**
 * What the udp backend wants: a TUN device that the engine makes and feeds, its address, and the whole network routed to it
 * (spec §5.3). Which host an inner packet goes to is the engine's to know, not the kernel's.
 */
import type { Desired, DesiredRequest, RefusedLease, Underlay } from '#agent/backends/backend.ts';
import type { UdpEngineState } from '#agent/backends/engine-state.ts';
import { formatIpv4 } from '#model/ipv4.ts';
import type { NetworkConfig } from '#model/network-config.ts';
import type { UdpOptions } from './options.ts';

/** The first that the kernel would give to flannel's `flannel%d`. */
export const UDP_DEVICE = 'flannel0';

/** Outer IPv4 and UDP headers. */
const OVERHEAD_BYTES = 28;

export function udpMtu(underlay: Underlay): number {
  return underlay.mtu - OVERHEAD_BYTES;
}

export function desiredUdpState(options: UdpOptions, config: NetworkConfig, request: DesiredRequest): Desired {
  const { underlay } = request;
  const mtu = udpMtu(underlay);
  const own = request.own?.subnet.ipv4?.address;
  const network = config.ipv4?.network;
  const { peers, refused } = readPeers(request);
  return {
    state: {
      devices: [{ kind: 'tun', name: UDP_DEVICE, mtu }],
      addresses: own === undefined ? [] : [{ device: UDP_DEVICE, address: own, length: 32 }],
      neighbors: [],
      fdb: [],
      routes:
        own === undefined || network === undefined
          ? []
          : [{ type: 'link', device: UDP_DEVICE, destination: network, scope: 'global' }],
    },
    ...(underlay.ipv4 === undefined
      ? {}
      : {
          engine: {
            type: 'udp',
            device: UDP_DEVICE,
            mtu,
            local: underlay.ipv4.address,
            port: options.port,
            own,
            peers,
          },
        }),
    refused,
  };
}

function readPeers({ underlay, leases }: DesiredRequest): {
  readonly peers: UdpEngineState['peers'];
  readonly refused: readonly RefusedLease[];
} {
  const peers: UdpEngineState['peers'][number][] = [];
  const refused: RefusedLease[] = [];
  for (const lease of leases) {
    const { publicIp: host } = lease.attributes;
    const subnet = lease.subnet.ipv4;
    if (subnet === undefined)
      refused.push({ lease, reason: 'it has no IPv4 subnet, and the udp backend has nothing else' });
    else if (host === 0) refused.push({ lease, reason: 'it has no PublicIP to send packets to' });
    // Each packet would come back to this host until its TTL ends.
    else if (host === underlay.ipv4?.address || host === underlay.ipv4?.publicIp)
      refused.push({ lease, reason: `PublicIP ${formatIpv4(host)} is this host's own: was the machine cloned?` });
    else peers.push({ subnet, host });
  }
  return { peers, refused };
}
