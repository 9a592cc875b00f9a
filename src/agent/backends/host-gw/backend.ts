/** The host-gw backend: hosts of one segment, each the gateway to its Pods (spec §5.2). It has no options and no data. */
import type { Backend, BackendType, Underlay } from '#agent/backends/backend.ts';
import { desiredHostGwState } from './desired.ts';

const TYPE = 'host-gw';

const BACKEND: Backend = {
  leaseType: TYPE,
  devices: [],
  needsHostRoutes: false,
  underlayRoutes: 'ours',
  refuseUnderlay: behindNat,
  mtu: ({ mtu }) => mtu,
  identify: () => ({ macs: {} }),
  leaseData: () => ({}),
  desired: desiredHostGwState,
};

export const hostGwBackend: BackendType = { type: TYPE, open: () => ({ backend: BACKEND }) };

/** Peers use the public address as their gateway, so it must be the interface's own; flannel looks at IPv4 only. */
function behindNat({ name, ipv4, ipv6 }: Underlay): string | undefined {
  const isOwn = ipv4?.address === ipv4?.publicIp && ipv6?.address === ipv6?.publicIp;
  if (isOwn) return undefined;
  return `your PublicIP differs from the address of ${name}, meaning that you're probably on a NAT, which host-gw cannot cross`;
}
