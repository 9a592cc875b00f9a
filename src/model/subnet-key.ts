/** The name of a lease: its subnet(s), and the text of it below `<prefix>/subnets/` (spec §2.1). */
import type { Ipv4Cidr } from './cidr.ts';
import { formatIpv4, parseIpv4 } from './ipv4.ts';
import { formatIpv6, type Ipv6Cidr, parseIpv6 } from './ipv6.ts';

/** One subnet of each family that the network has: at least one. The canonical text is the key for maps. */
export type SubnetKey =
  | { readonly ipv4: Ipv4Cidr; readonly ipv6?: Ipv6Cidr }
  | { readonly ipv4?: never; readonly ipv6: Ipv6Cidr };

/** A subnet for each family or none: what may become a key. */
export interface SubnetParts {
  readonly ipv4?: Ipv4Cidr | undefined;
  readonly ipv6?: Ipv6Cidr | undefined;
}

/** The key of the parts that are there; undefined when there is none. */
export function subnetKeyOf({ ipv4, ipv6 }: SubnetParts): SubnetKey | undefined {
  if (ipv4 !== undefined) return ipv6 === undefined ? { ipv4 } : { ipv4, ipv6 };
  return ipv6 === undefined ? undefined : { ipv6 };
}

/**
 * `10.5.1.0-24`; `10.12.13.0-24&fd00:12:13::-56` for both families; `fd00:12:13::-56` for IPv6 alone.
 *
 * The last form is ours: flannel has none for IPv6 alone (its etcd mode does not work there, D-27). Its parser wants a
 * dotted quad, which no such name has, so that it takes the key for no subnet and leaves it alone.
 */
export function formatSubnetKey({ ipv4, ipv6 }: SubnetKey): string {
  const v4 = ipv4 === undefined ? '' : `${formatIpv4(ipv4.address)}-${ipv4.length}`;
  if (ipv6 === undefined) return v4;
  const v6 = `${formatIpv6(ipv6.address)}-${ipv6.length}`;
  return ipv4 === undefined ? v6 : `${v4}&${v6}`;
}

/** The longest name is 60 characters; a longer text is not looked at (foreign keys are hostile input). */
const LONGEST_TAIL = 80;
const NAME = /(\d+\.\d+.\d+.\d+)-(\d+)(?:&([a-f\d:]+)-(\d+))?$/;
const IPV6_NAME = /(?:^|\/)([a-f\d:]+)-(\d+)$/;

/**
 * The subnet that a key names, as flannel reads it: matched at the end of the text only, so a full key does as well as a
 * name; host bits are kept; lengths 0 to 31 and 0 to 127. Undefined when it names none.
 * Several texts can name one subnet; only `formatSubnetKey` of the result is the name of a lease.
 */
export function parseSubnetKey(text: string): SubnetKey | undefined {
  const tail = text.slice(-LONGEST_TAIL);
  const match = NAME.exec(tail);
  if (match === null) {
    const [, ipv6Text, ipv6Length] = IPV6_NAME.exec(tail) ?? [];
    const ipv6 = parseIpv6Part(ipv6Text, ipv6Length);
    return ipv6 && { ipv6 };
  }
  const [, ipv4Text = '', ipv4Length = '', ipv6Text, ipv6Length] = match;
  const address = parseIpv4(ipv4Text);
  if (address === undefined || Number(ipv4Length) > 31) return undefined;
  const ipv4 = { address, length: Number(ipv4Length) };
  if (ipv6Text === undefined) return { ipv4 };
  const ipv6 = parseIpv6Part(ipv6Text, ipv6Length);
  return ipv6 && { ipv4, ipv6 };
}

function parseIpv6Part(text = '', length = ''): Ipv6Cidr | undefined {
  const address = parseIpv6(text);
  return address === undefined || Number(length) > 127 ? undefined : { address, length: Number(length) };
}
