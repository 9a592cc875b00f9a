/**
 * What the ipip backend wants in the kernel: one device, its single address, and per peer an onlink route through its host
 * over the device, or over the underlay when DirectRouting finds it on-link; flannel marks both onlink (spec §5.4).
 */
import type { Desired, DesiredRequest, Underlay } from '#agent/backends/backend.ts';
import { directRoutes } from '#agent/backends/direct-route.ts';
import type { AddressEntry, IpipDevice, RouteEntry } from '#agent/kernel/state.ts';
import type { IpipOptions } from './options.ts';

export const IPIP_DEVICE = 'flannel.ipip';
/** The outer IPv4 header. */
const OVERHEAD_BYTES = 20;

export function ipipMtu(underlay: Underlay): number {
  return underlay.mtu - OVERHEAD_BYTES;
}

export function desiredIpipState(options: IpipOptions, { underlay, own, leases, hostRoutes }: DesiredRequest): Desired {
  const local = underlay.ipv4?.address;
  const devices: IpipDevice[] =
    local === undefined ? [] : [{ kind: 'ipip', name: IPIP_DEVICE, mtu: ipipMtu(underlay), local }];
  const base = own?.subnet.ipv4?.address;
  const addresses: AddressEntry[] = base === undefined ? [] : [{ device: IPIP_DEVICE, address: base, length: 32 }];
  const isDirect = options.directRouting ? directRoutes(hostRoutes, underlay.index) : () => false;
  const routes = leases.flatMap(({ subnet, attributes }): readonly RouteEntry[] => {
    const { publicIp: gateway } = attributes;
    const device = isDirect(gateway) ? underlay.name : IPIP_DEVICE;
    return subnet.ipv4 === undefined ? [] : [{ type: 'onlink', device, destination: subnet.ipv4, gateway }];
  });
  return { state: { devices, addresses, neighbors: [], fdb: [], routes }, refused: [] };
}
