/** The subnet that Kubernetes gave a node: `spec.podCIDRs`, the family of each decides what it is (spec §7.3). */
import { cidrEncloses, FAMILIES, type Family, formatCidr, isIpv4Cidr, parseCidr } from '#model/ip.ts';
import { parseIpv6Cidr } from '#model/ipv6.ts';
import type { NetworkConfig } from '#model/network-config.ts';
import { type SubnetKey, subnetKeyOf } from '#model/subnet-key.ts';
import { Fault } from '#runtime/fault.ts';

/** Both families that there are; or in words why it is none. */
export function subnetOfPodCidrs(
  podCidrs: readonly string[],
): { readonly subnet: SubnetKey } | { readonly reason: string } {
  if (podCidrs.length === 0) return { reason: 'pod cidr not assigned' };
  if (podCidrs.length > 2)
    return { reason: `pod cidrs should be IPv4/IPv6 only or dualstack: it has ${podCidrs.length}` };
  const parsed = podCidrs.map((text) => ({ text, cidr: parseCidr(text) }));
  const wrong = parsed.find(({ cidr }) => cidr === undefined);
  if (wrong !== undefined) return { reason: `podCIDR ${JSON.stringify(wrong.text.slice(0, 60))} is no network` };
  const ipv4 = parsed.map(({ cidr }) => cidr).find((cidr) => cidr !== undefined && isIpv4Cidr(cidr));
  const ipv6 = parsed.map(({ text }) => parseIpv6Cidr(text)).find((cidr) => cidr !== undefined);
  const subnet = subnetKeyOf({ ipv4: ipv4 !== undefined && isIpv4Cidr(ipv4) ? ipv4 : undefined, ipv6 });
  return subnet === undefined ? { reason: 'pod cidr not assigned' } : { subnet };
}

/**
 * The part of a node's subnet that this network uses. Throws a Fault `kube.pod-cidr` when a family is missing or outside;
 * SubnetLen, SubnetMin and SubnetMax say nothing here: Kubernetes decides.
 */
export function assignedSubnet(subnet: SubnetKey, network: NetworkConfig, node: string): SubnetKey {
  const used = subnetKeyOf({
    ipv4: network.ipv4 === undefined ? undefined : subnet.ipv4,
    ipv6: network.ipv6 === undefined ? undefined : subnet.ipv6,
  });
  for (const family of FAMILIES) checkFamily(family, subnet, network, node);
  if (used === undefined) throw new Error('a network has one family at least');
  return used;
}

function checkFamily(family: Family, subnet: SubnetKey, network: NetworkConfig, node: string): void {
  const range = network[family];
  if (range === undefined) return;
  const part = subnet[family];
  if (part === undefined) {
    const [name, field] = family === 'ipv4' ? ['IPv4', 'EnableIPv4'] : ['IPv6', 'EnableIPv6'];
    const what = `the node ${JSON.stringify(node)} has no ${name} podCIDR, and ${field} is true in the network configuration`;
    throw new Fault('kube.pod-cidr', { what });
  }
  if (cidrEncloses(range.network, part)) return;
  const what = `subnet "${formatCidr(range.network)}" specified in the flannel net config doesn't contain "${formatCidr(part)}" PodCIDR of the "${node}" node`;
  throw new Fault('kube.pod-cidr', { what });
}
