/** What the extension backend wants: nothing of the kernel, only that its commands know of every peer (spec §5.7). */
import type { Desired, DesiredRequest, RefusedLease } from '#agent/backends/backend.ts';
import type { ExtensionEngineState, ExtensionPeer } from '#agent/backends/engine-state.ts';
import { type Cidr, formatCidr } from '#model/ip.ts';
import { formatIpv4 } from '#model/ipv4.ts';
import { formatIpv6 } from '#model/ipv6.ts';
import type { LeaseAttributes } from '#model/lease.ts';
import type { NetworkConfig } from '#model/network-config.ts';
import { parseExtensionLeaseData } from './lease-data.ts';
import type { ExtensionOptions } from './options.ts';

export function desiredExtensionState(
  options: ExtensionOptions,
  config: NetworkConfig,
  { own, leases }: DesiredRequest,
): Desired {
  const state = { devices: [], addresses: [], neighbors: [], fdb: [], routes: [] };
  if (own === undefined) return { state, refused: [] };
  const refused: RefusedLease[] = [];
  const peers: ExtensionPeer[] = [];
  for (const lease of leases) {
    const parsed = parseExtensionLeaseData(lease.attributes.backendData);
    if ('reason' in parsed) refused.push({ lease, reason: parsed.reason });
    else {
      peers.push({
        subnet: networkText(lease.subnet.ipv4),
        ipv6Subnet: networkText(lease.subnet.ipv6),
        ...addressTexts(lease.attributes),
        data: parsed.data,
      });
    }
  }
  const engine: ExtensionEngineState = {
    type: 'extension',
    commands: options,
    own: {
      network: networkText(config.ipv4?.network),
      subnet: networkText(own.subnet.ipv4),
      ipv6Subnet: networkText(own.subnet.ipv6),
      ...addressTexts(own.attributes),
    },
    peers,
  };
  return { state, engine, refused };
}

function networkText(network: Cidr | undefined): string {
  return network === undefined ? '' : formatCidr(network);
}

function addressTexts({ publicIp, publicIpv6 }: LeaseAttributes): Pick<ExtensionPeer, 'publicIp' | 'publicIpv6'> {
  return {
    publicIp: publicIp === 0 ? '' : formatIpv4(publicIp),
    publicIpv6: publicIpv6 === null ? '' : formatIpv6(publicIpv6),
  };
}
