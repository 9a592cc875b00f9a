/** The vxlan backend: hosts connected by the kernel's VXLAN device, as flannel's (spec §5.1). */
import type { Backend, BackendType } from '#agent/backends/backend.ts';
import { desiredVxlanState, vxlanDeviceName, vxlanMtu } from './desired.ts';
import { formatVxlanLeaseData, parseVxlanLeaseData } from './lease-data.ts';
import { parseVxlanOptions, type VxlanOptions } from './options.ts';

export const vxlanBackend: BackendType = {
  type: 'vxlan',
  open(config) {
    const parsed = parseVxlanOptions(config);
    return 'problems' in parsed ? parsed : { backend: open(parsed.options) };
  },
};

function open(options: VxlanOptions): Backend {
  return {
    device: vxlanDeviceName(options),
    mtu: (underlay) => vxlanMtu(options, underlay),
    leaseData: (mac) => formatVxlanLeaseData(options.vni, mac),
    recordedMac: (data) => {
      const parsed = parseVxlanLeaseData(data);
      return 'mac' in parsed ? parsed.mac : undefined;
    },
    desired: (request) => desiredVxlanState(options, request),
  };
}
