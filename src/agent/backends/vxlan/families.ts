/** What the two families of a vxlan fabric differ in: the device's name and the bytes around an inner packet. */
import type { Family } from '#model/ip.ts';
import type { VxlanOptions } from './options.ts';

/**
 * Outer Ethernet (14), IPv4 (20) or IPv6 (40), UDP (8) and VXLAN (8) headers. flannel takes 50 for both, so that its IPv6
 * packets are too large for the underlay (D-18).
 */
export const OVERHEAD_BYTES = { ipv4: 50, ipv6: 70 } as const;

/** `flannel.1` and `flannel-v6.1`: one device for each family, of the same VNI and port. */
export function vxlanDeviceName(options: VxlanOptions, family: Family): string {
  return `${family === 'ipv4' ? 'flannel' : 'flannel-v6'}.${options.vni}`;
}
