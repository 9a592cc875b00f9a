/** Which fabric an earlier run's subnet file names: masquerade rules of that run were made for it (spec §6.2). */
import { readFileSync } from 'node:fs';
import type { Fabric } from '#firewall/desired.ts';
import { ipv4Prefix, ipv6Prefix } from '#firewall/prefix.ts';
import { parseIpv4Cidr } from '#model/cidr.ts';
import { parseIpv6Cidr } from '#model/ipv6.ts';

/** Empty when the file is missing, cannot be read or names none. */
export function readFormerFabrics(path: string): readonly Fabric[] {
  try {
    return formerFabrics(readFileSync(path, 'utf8'));
  } catch {
    return [];
  }
}

export function formerFabrics(text: string): readonly Fabric[] {
  const value = (name: string): string => new RegExp(`^${name}=(\\S+)$`, 'm').exec(text)?.[1] ?? '';
  const fabrics: Fabric[] = [];
  const ipv4 = { network: parseIpv4Cidr(value('FLANNEL_NETWORK')), subnet: parseIpv4Cidr(value('FLANNEL_SUBNET')) };
  if (ipv4.network && ipv4.subnet) fabrics.push({ network: ipv4Prefix(ipv4.network), subnet: ipv4Prefix(ipv4.subnet) });
  const ipv6 = {
    network: parseIpv6Cidr(value('FLANNEL_IPV6_NETWORK')),
    subnet: parseIpv6Cidr(value('FLANNEL_IPV6_SUBNET')),
  };
  if (ipv6.network && ipv6.subnet) fabrics.push({ network: ipv6Prefix(ipv6.network), subnet: ipv6Prefix(ipv6.subnet) });
  return fabrics;
}
