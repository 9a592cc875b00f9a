/** What the lab reads from the subnet file that an agent writes (spec §4.1). Pure. */
import { formatIpv4Cidr, type Ipv4Cidr, maskIpv4Cidr, parseIpv4Cidr } from '#model/cidr.ts';
import { formatIpv4 } from '#model/ipv4.ts';

export interface PodNetwork {
  /** `172.30.71.0/24`, as the lease has it. */
  readonly subnet: string;
  /** First address of the subnet, with prefix length: `172.30.71.1/24`. */
  readonly gateway: string;
  /** The Pod's own, with prefix length: `172.30.71.2/24`. */
  readonly podAddress: string;
  readonly mtu: number;
}

/** Undefined when the text has no IPv4 subnet or no usable MTU. */
export function parseSubnetFile(text: string): PodNetwork | undefined {
  const gateway = parseIpv4Cidr(variable(text, 'FLANNEL_SUBNET'));
  const mtu = Number(variable(text, 'FLANNEL_MTU'));
  if (gateway === undefined || gateway.length > 30 || !Number.isInteger(mtu) || mtu < 68 || mtu > 65535)
    return undefined;
  const pod: Ipv4Cidr = { address: gateway.address + 1, length: gateway.length };
  return {
    subnet: formatIpv4Cidr(maskIpv4Cidr(gateway)),
    gateway: formatIpv4Cidr(gateway),
    podAddress: formatIpv4Cidr(pod),
    mtu,
  };
}

/** `172.30.71.2/24` → `172.30.71.2`. */
export function addressOf(cidr: string): string {
  const parsed = parseIpv4Cidr(cidr);
  return parsed === undefined ? cidr : formatIpv4(parsed.address);
}

function variable(text: string, name: string): string {
  return new RegExp(`^${name}=(.*)$`, 'm').exec(text)?.[1] ?? '';
}
