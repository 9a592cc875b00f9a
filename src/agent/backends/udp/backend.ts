/** The udp backend: inner packets as UDP payloads, moved by a process; for kernels that have nothing better (spec §5.3). */
import type { Backend, BackendType } from '#agent/backends/backend.ts';
import type { NetworkConfig } from '#model/network-config.ts';
import { desiredUdpState, UDP_DEVICE, udpMtu } from './desired.ts';
import { parseUdpOptions, type UdpOptions } from './options.ts';

const LEAST_IPV4_MTU = 68;

export const udpBackend: BackendType = {
  type: 'udp',
  open(config) {
    const parsed = parseUdpOptions(config);
    return 'problems' in parsed ? parsed : { backend: open(parsed.options, config) };
  },
};

function open(options: UdpOptions, config: NetworkConfig): Backend {
  return {
    leaseType: '',
    devices: [UDP_DEVICE],
    engine: 'udp',
    needsHostRoutes: false,
    underlayRoutes: 'ours',
    refuseUnderlay(underlay) {
      const mtu = udpMtu(underlay);
      if (mtu >= LEAST_IPV4_MTU) return undefined;
      return `its MTU ${underlay.mtu} leaves ${mtu} bytes inside, at least ${LEAST_IPV4_MTU} are needed`;
    },
    mtu: udpMtu,
    identify: () => ({ macs: {} }),
    leaseData: () => ({}),
    desired: (request) => desiredUdpState(options, config, request),
  };
}
