/** The wireguard backend: hosts connected by encrypted tunnels, as flannel's (spec §5.5). The engine is in src/wireguard. */
import type { Backend, BackendType, HostIdentity, LeaseData } from '#agent/backends/backend.ts';
import type { NetworkConfig } from '#model/network-config.ts';
import { desiredWireguardState, familiesOf, type WireguardNetwork, wireguardDevices, wireguardMtu } from './desired.ts';
import { formatWireguardLeaseData } from './lease-data.ts';
import { parseWireguardOptions, type WireguardOptions } from './options.ts';

const TYPE = 'wireguard';
/** The least MTU of each family. */
const LEAST_MTU = { ipv4: 68, ipv6: 1280 } as const;

export const wireguardBackend: BackendType = {
  type: TYPE,
  open(config) {
    const parsed = parseWireguardOptions(config);
    return 'problems' in parsed ? parsed : { backend: open(parsed.options, config) };
  },
};

function open(options: WireguardOptions, config: NetworkConfig): Backend {
  const network: WireguardNetwork = { options, config };
  const least = Math.max(...familiesOf(config).map((family) => LEAST_MTU[family]));
  return {
    leaseType: TYPE,
    devices: wireguardDevices(network).map(({ name }) => name),
    engine: TYPE,
    needsHostRoutes: false,
    underlayRoutes: 'ours',
    refuseUnderlay(underlay) {
      const mtu = wireguardMtu(options, underlay);
      return mtu >= least
        ? undefined
        : `its MTU ${underlay.mtu} leaves ${mtu} bytes inside WireGuard, at least ${least} are needed`;
    },
    mtu: (underlay) => wireguardMtu(options, underlay),
    identify: ({ published }) => ({ macs: {}, ...(published === undefined ? {} : { published }) }),
    leaseData: (identity) => leaseDataOf(network, identity),
    desired: (request) => desiredWireguardState(network, request),
  };
}

/**
 * Each family has the port that its device listens on. flannel writes ListenPortV6 into the IPv6 data in every Mode, but the
 * one device of the other modes does not listen there.
 */
function leaseDataOf(network: WireguardNetwork, { published }: HostIdentity): LeaseData {
  if (published === undefined) throw new Error('the wireguard engine tells its public key before there is a lease');
  const data: { -readonly [Field in keyof LeaseData]: LeaseData[Field] } = {};
  for (const { listenPort, families } of wireguardDevices(network)) {
    for (const family of families) data[family] = formatWireguardLeaseData(published, listenPort);
  }
  return data;
}
