/** Whether an existing device is the tunnel that is wanted; the kernel cannot change these properties of a living one. */
import { formatIpv4 } from '#model/ipv4.ts';
import type { ObservedLink, VxlanDevice } from './state.ts';

/** The first difference in words, undefined when the device can be kept. */
export function differentTunnel(
  device: VxlanDevice,
  link: ObservedLink,
  links: readonly ObservedLink[],
): string | undefined {
  const { vxlan } = link;
  if (vxlan === undefined) return `kind: is ${link.kind}, wanted vxlan`;
  const underlay =
    links.find((candidate) => candidate.index === vxlan.underlayIndex)?.name ?? `#${vxlan.underlayIndex}`;
  const pairs: readonly (readonly [string, string | number | boolean, string | number | boolean])[] = [
    ['vni', vxlan.vni, device.vni],
    ['local', formatIpv4(vxlan.local ?? 0), formatIpv4(device.local)],
    ['dev', underlay, device.underlay],
    ['dstport', vxlan.port, device.port],
    ['learning', vxlan.learning, device.learning],
    ['gbp', vxlan.gbp, device.gbp],
  ];
  const different = pairs.find(([, is, wanted]) => is !== wanted);
  return different === undefined ? undefined : `${different[0]}: is ${different[1]}, wanted ${different[2]}`;
}
