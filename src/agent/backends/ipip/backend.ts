/** The ipip backend: hosts connected by the kernel's IPIP device (spec §5.4). IPv4 only; its leases carry no data. */
import type { Backend, BackendType, Underlay } from '#agent/backends/backend.ts';
import { desiredIpipState, IPIP_DEVICE, ipipMtu } from './desired.ts';
import { type IpipOptions, parseIpipOptions } from './options.ts';

const TYPE = 'ipip';
const LEAST_MTU = 68;

export const ipipBackend: BackendType = {
  type: TYPE,
  open(config) {
    const parsed = parseIpipOptions(config);
    return 'problems' in parsed ? parsed : { backend: open(parsed.options) };
  },
};

function open(options: IpipOptions): Backend {
  return {
    leaseType: TYPE,
    devices: [IPIP_DEVICE],
    needsHostRoutes: options.directRouting,
    underlayRoutes: 'ours',
    refuseUnderlay: tooSmall,
    mtu: ipipMtu,
    identify: () => ({ macs: {} }),
    leaseData: () => ({}),
    desired: (request) => desiredIpipState(options, request),
  };
}

function tooSmall(underlay: Underlay): string | undefined {
  return ipipMtu(underlay) >= LEAST_MTU
    ? undefined
    : `the MTU ${underlay.mtu} of ${underlay.name} leaves no room inside`;
}
