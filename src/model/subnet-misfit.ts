/** Whether a subnet is one that this network hands out (spec §2.5 step 2), in words when it is not. Pure. */
import { formatIpv4 } from './ipv4.ts';
import { formatIpv6 } from './ipv6.ts';
import type { NetworkConfig } from './network-config.ts';
import type { SubnetKey } from './subnet-key.ts';

/** Why the subnet does not fit the network, or undefined when it does. */
export function subnetMisfit(subnet: SubnetKey, network: NetworkConfig): string | undefined {
  const { ipv4, ipv6 } = network;
  if (ipv4 === undefined) return 'the network has no IPv4';
  if (subnet.ipv4.length !== ipv4.subnetLength)
    return `it is a /${subnet.ipv4.length}, SubnetLen is ${ipv4.subnetLength}`;
  if (subnet.ipv4.address < ipv4.subnetMin || subnet.ipv4.address > ipv4.subnetMax) {
    return `it is outside SubnetMin ${formatIpv4(ipv4.subnetMin)} to SubnetMax ${formatIpv4(ipv4.subnetMax)}`;
  }
  if (subnet.ipv4.address % 2 ** (32 - subnet.ipv4.length) !== 0) return 'it has host bits set';
  if (ipv6 === undefined)
    return subnet.ipv6 === undefined ? undefined : 'it has an IPv6 subnet, the network has no IPv6';
  if (subnet.ipv6 === undefined) return 'it has no IPv6 subnet, the network has IPv6';
  if (subnet.ipv6.length !== ipv6.subnetLength) {
    return `its IPv6 subnet is a /${subnet.ipv6.length}, IPv6SubnetLen is ${ipv6.subnetLength}`;
  }
  if (subnet.ipv6.address < ipv6.subnetMin || subnet.ipv6.address > ipv6.subnetMax) {
    return `it is outside IPv6SubnetMin ${formatIpv6(ipv6.subnetMin)} to IPv6SubnetMax ${formatIpv6(ipv6.subnetMax)}`;
  }
  return subnet.ipv6.address % 2n ** BigInt(128 - subnet.ipv6.length) === 0n ? undefined : 'it has host bits set';
}
