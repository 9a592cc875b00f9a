/** The subnet that a person names: `10.5.1.0/24`, or as in the key `10.5.1.0-24`, with `&fd00::-56` for both families. */
import { formatIpv4Cidr } from '#model/cidr.ts';
import { formatIpv6Cidr } from '#model/ipv6.ts';
import { formatSubnetKey, parseSubnetKey, type SubnetKey } from '#model/subnet-key.ts';
import { Fault } from '#runtime/fault.ts';

export function parseSubnetArgument(text: string): SubnetKey {
  const name = text.replaceAll('/', '-');
  const subnet = parseSubnetKey(name);
  if (subnet === undefined || formatSubnetKey(subnet) !== name) {
    throw new Fault('usage.flag', { what: `${JSON.stringify(text)} is no subnet`, remedy: 'write it as 10.5.1.0/24' });
  }
  return subnet;
}

/** As people write it; the second family after `&`. */
export function formatSubnet(subnet: SubnetKey): string {
  const { ipv4, ipv6 } = subnet;
  const parts = [ipv4 && formatIpv4Cidr(ipv4), ipv6 && formatIpv6Cidr(ipv6)];
  return parts.filter((part) => part !== undefined).join('&');
}
