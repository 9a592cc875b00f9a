/** What the lab reads from the subnet file that an agent writes (spec §4.1). Pure. */

import { parseIpv4Cidr } from '#model/cidr.ts';
import { type Cidr, formatCidr, formatIp, maskCidr, parseCidr } from '#model/ip.ts';
import { parseIpv6Cidr } from '#model/ipv6.ts';

export interface PodNetwork {
  /** At least one of the two. */
  readonly ipv4?: PodSubnet;
  readonly ipv6?: PodSubnet;
  readonly mtu: number;
}

/** The host's subnet of one family. */
export interface PodSubnet {
  /** `172.30.71.0/24`, as the lease has it. */
  readonly subnet: string;
  /** First address of the subnet, with prefix length: `172.30.71.1/24`. */
  readonly gateway: string;
  /** The Pod's own, with prefix length: `172.30.71.2/24`. */
  readonly podAddress: string;
}

/** Undefined when the text has no subnet that a Pod has room in, or no usable MTU. */
export function parseSubnetFile(text: string): PodNetwork | undefined {
  const ipv4 = parseIpv4Cidr(variable(text, 'FLANNEL_SUBNET'));
  const ipv6 = parseIpv6Cidr(variable(text, 'FLANNEL_IPV6_SUBNET'));
  const mtu = Number(variable(text, 'FLANNEL_MTU'));
  if (ipv4 === undefined && ipv6 === undefined) return undefined;
  if (ipv4 !== undefined && ipv4.length > 30) return undefined;
  if (ipv6 !== undefined && ipv6.length > 126) return undefined;
  if (!Number.isInteger(mtu) || mtu < 68 || mtu > 65535) return undefined;
  return {
    ...(ipv4 !== undefined && { ipv4: podSubnet(ipv4) }),
    ...(ipv6 !== undefined && { ipv6: podSubnet(ipv6) }),
    mtu,
  };
}

/** The subnets that there are, IPv4 first. */
export function subnetsOf({ ipv4, ipv6 }: PodNetwork): readonly PodSubnet[] {
  return [ipv4, ipv6].filter((subnet) => subnet !== undefined);
}

/** `172.30.71.2/24` → `172.30.71.2`. */
export function addressOf(cidr: string): string {
  const parsed = parseCidr(cidr);
  return parsed === undefined ? cidr : formatIp(parsed.address);
}

function podSubnet(gateway: Cidr): PodSubnet {
  const { address, length } = gateway;
  const pod = typeof address === 'number' ? address + 1 : address + 1n;
  return {
    subnet: formatCidr(maskCidr(gateway)),
    gateway: formatCidr(gateway),
    podAddress: formatCidr({ address: pod, length }),
  };
}

function variable(text: string, name: string): string {
  return new RegExp(`^${name}=(.*)$`, 'm').exec(text)?.[1] ?? '';
}
