/** The name of a lease: its subnet(s), and the text of it below `<prefix>/subnets/` (spec §2.1). */
import type { Ipv4Cidr } from './cidr.ts';
import { formatIpv4, parseIpv4 } from './ipv4.ts';
import { formatIpv6, type Ipv6Cidr, parseIpv6 } from './ipv6.ts';

export interface SubnetKey {
  readonly ipv4: Ipv4Cidr;
  readonly ipv6?: Ipv6Cidr;
}

/** `10.5.1.0-24`, or `10.12.13.0-24&fd00:12:13::-56` for both families. */
export function formatSubnetKey(subnet: SubnetKey): string {
  const ipv4 = `${formatIpv4(subnet.ipv4.address)}-${subnet.ipv4.length}`;
  return subnet.ipv6 === undefined ? ipv4 : `${ipv4}&${formatIpv6(subnet.ipv6.address)}-${subnet.ipv6.length}`;
}

/** The longest name is 60 characters; a longer text is not looked at (foreign keys are hostile input). */
const LONGEST_TAIL = 80;
const NAME = /(\d+\.\d+.\d+.\d+)-(\d+)(?:&([a-f\d:]+)-(\d+))?$/;

/**
 * The subnet that a key names, as flannel reads it: matched at the end of the text only, so a full key does as well as a
 * name; host bits are kept; lengths 0 to 31 and 0 to 127. Undefined when it names none.
 * Several texts can name one subnet; only `formatSubnetKey` of the result is the name of a lease.
 */
export function parseSubnetKey(text: string): SubnetKey | undefined {
  const match = NAME.exec(text.slice(-LONGEST_TAIL));
  if (match === null) return undefined;
  const [, ipv4Text = '', ipv4Length = '', ipv6Text, ipv6Length = ''] = match;
  const ipv4 = parseIpv4(ipv4Text);
  if (ipv4 === undefined || Number(ipv4Length) > 31) return undefined;
  const key = { ipv4: { address: ipv4, length: Number(ipv4Length) } };
  if (ipv6Text === undefined) return key;
  const ipv6 = parseIpv6(ipv6Text);
  if (ipv6 === undefined || Number(ipv6Length) > 127) return undefined;
  return { ...key, ipv6: { address: ipv6, length: Number(ipv6Length) } };
}
