/** Whether a subnet is one that this network hands out (spec §2.5 step 2), in words when it is not. Pure. */
import { type Cidr, type Family, formatIp, type Ip, maskCidr } from './ip.ts';
import type { NetworkConfig } from './network-config.ts';
import type { SubnetKey } from './subnet-key.ts';

/** Why the subnet does not fit the network, or undefined when it does. */
export function subnetMisfit(subnet: SubnetKey, network: NetworkConfig): string | undefined {
  return familyMisfit('ipv4', subnet, network) ?? familyMisfit('ipv6', subnet, network);
}

const NAMES = {
  ipv4: { title: 'IPv4', it: 'it', field: 'Subnet' },
  ipv6: { title: 'IPv6', it: 'its IPv6 subnet', field: 'IPv6Subnet' },
} as const;

interface Range {
  readonly subnetLength: number;
  readonly subnetMin: Ip;
  readonly subnetMax: Ip;
}

/** The same for the part of one family. */
export function familyMisfit(family: Family, subnet: SubnetKey, network: NetworkConfig): string | undefined {
  const range: Range | undefined = network[family];
  const part: Cidr | undefined = subnet[family];
  const { title, it, field } = NAMES[family];
  if (range === undefined)
    return part === undefined ? undefined : `it has an ${title} subnet, the network has no ${title}`;
  if (part === undefined) return `it has no ${title} subnet, the network has ${title}`;
  if (part.length !== range.subnetLength) {
    return `${it} is a /${part.length}, ${field}Len is ${range.subnetLength}`;
  }
  if (part.address < range.subnetMin || part.address > range.subnetMax) {
    return `${it} is outside ${field}Min ${formatIp(range.subnetMin)} to ${field}Max ${formatIp(range.subnetMax)}`;
  }
  return maskCidr(part).address === part.address ? undefined : `${it} has host bits set`;
}
