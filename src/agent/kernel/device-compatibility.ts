/** Whether an existing device is the tunnel that is wanted; the kernel cannot change these properties of a living one. */
import { formatIp } from '#model/ip.ts';
import { formatIpv4 } from '#model/ipv4.ts';
import type { IpipDevice, ObservedLink, VxlanDevice } from './state.ts';

/** The first difference in words, undefined when the device can be kept. */
export function differentTunnel(
  device: VxlanDevice | IpipDevice,
  link: ObservedLink,
  links: readonly ObservedLink[],
): string | undefined {
  const pairs = device.kind === 'vxlan' ? vxlanPairs(device, link, links) : ipipPairs(device, link);
  if (pairs === undefined) return `kind: is ${link.kind}, wanted ${device.kind}`;
  const different = pairs.find(([, is, wanted]) => is !== wanted);
  return different === undefined ? undefined : `${different[0]}: is ${different[1]}, wanted ${different[2]}`;
}

type Pair = readonly [name: string, is: string | number | boolean, wanted: string | number | boolean];

function vxlanPairs(
  device: VxlanDevice,
  { vxlan }: ObservedLink,
  links: readonly ObservedLink[],
): readonly Pair[] | undefined {
  if (vxlan === undefined) return undefined;
  const underlay =
    links.find((candidate) => candidate.index === vxlan.underlayIndex)?.name ?? `#${vxlan.underlayIndex}`;
  return [
    ['vni', vxlan.vni, device.vni],
    ['local', vxlan.local === undefined ? 'any' : formatIp(vxlan.local), formatIp(device.local)],
    ['dev', underlay, device.underlay],
    ['dstport', vxlan.port, device.port],
    ['learning', vxlan.learning, device.learning],
    ['gbp', vxlan.gbp, device.gbp],
  ];
}

function ipipPairs(device: IpipDevice, { ipip }: ObservedLink): readonly Pair[] | undefined {
  if (ipip === undefined) return undefined;
  return [
    ['local', formatIpv4(ipip.local), formatIpv4(device.local)],
    ['remote', formatIpv4(ipip.remote), formatIpv4(0)],
  ];
}
