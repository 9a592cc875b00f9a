/** The vxlan backend: hosts connected by the kernel's VXLAN device, as flannel's (spec §5.1). */
import type { Backend, BackendType, HostIdentity, IdentityRequest, Underlay } from '#agent/backends/backend.ts';
import { FAMILIES, type Family } from '#model/ip.ts';
import type { Mac } from '#model/mac.ts';
import { desiredVxlanState, vxlanDeviceMtu } from './desired.ts';
import { vxlanDeviceName } from './families.ts';
import { formatVxlanLeaseData, parseVxlanLeaseData } from './lease-data.ts';
import { parseVxlanOptions, type VxlanOptions } from './options.ts';

const TYPE = 'vxlan';
/** RFC 8200 §5; below it Linux has no IPv6 on a device. */
const LEAST_IPV6_MTU = 1280;

export const vxlanBackend: BackendType = {
  type: TYPE,
  open(config) {
    const parsed = parseVxlanOptions(config.backend);
    const families = FAMILIES.filter((family) => config[family] !== undefined);
    return 'problems' in parsed ? parsed : { backend: open(parsed.options, families) };
  },
};

function open(options: VxlanOptions, families: readonly Family[]): Backend {
  return {
    leaseType: TYPE,
    devices: families.map((family) => vxlanDeviceName(options, family)),
    needsHostRoutes: options.directRouting,
    underlayRoutes: 'ours',
    refuseUnderlay: (underlay) => refusal(options, families, underlay),
    mtu: (underlay) => Math.min(...families.map((family) => vxlanDeviceMtu(options, underlay, family))),
    identify: (request) => ({
      macs: Object.fromEntries(families.map((family) => [family, chooseMac(options, family, request)])),
    }),
    leaseData: ({ macs }: HostIdentity) => ({
      ...(macs.ipv4 === undefined ? {} : { ipv4: formatVxlanLeaseData(options.vni, macs.ipv4) }),
      ...(macs.ipv6 === undefined ? {} : { ipv6: formatVxlanLeaseData(options.vni, macs.ipv6) }),
    }),
    desired: (request) => desiredVxlanState(options, families, request),
  };
}

function refusal(options: VxlanOptions, families: readonly Family[], underlay: Underlay): string | undefined {
  if (!families.includes('ipv6')) return undefined;
  const mtu = vxlanDeviceMtu(options, underlay, 'ipv6');
  if (mtu >= LEAST_IPV6_MTU) return undefined;
  return `IPv6 needs an MTU of ${LEAST_IPV6_MTU} inside the tunnel, and ${underlay.name} leaves ${mtu}`;
}

/** The one in our record, so that peers go on reaching us; else the device's own. */
function chooseMac(options: VxlanOptions, family: Family, { recorded, links, randomMacs }: IdentityRequest): Mac {
  const data = parseVxlanLeaseData(family === 'ipv4' ? recorded?.backendData : recorded?.backendV6Data);
  if ('mac' in data) return data.mac;
  const name = vxlanDeviceName(options, family);
  return links.find((link) => link.name === name && link.vxlan !== undefined)?.mac ?? randomMacs[family];
}
