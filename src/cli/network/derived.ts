/** What follows from a valid network document: every default filled in, and how many hosts it has room for. */
import { formatIpv4Cidr, ipv4CidrSize } from '#model/cidr.ts';
import { formatIpv4 } from '#model/ipv4.ts';
import { formatIpv6, formatIpv6Cidr } from '#model/ipv6.ts';
import type { Json } from '#model/lease.ts';
import { networkCapacity } from '#model/network-change.ts';
import type { NetworkConfig } from '#model/network-config.ts';

export interface DerivedValue {
  /** Spelled as in the document; the last ones are ours and in lower case. */
  readonly field: string;
  readonly value: Json;
}

export function derivedValues(config: NetworkConfig): readonly DerivedValue[] {
  const values: DerivedValue[] = [
    { field: 'EnableIPv4', value: config.enableIpv4 },
    { field: 'EnableIPv6', value: config.enableIpv6 },
    { field: 'EnableNFTables', value: config.enableNftables },
  ];
  const { ipv4, ipv6 } = config;
  if (ipv4 !== undefined) {
    values.push(
      { field: 'Network', value: formatIpv4Cidr(ipv4.network) },
      { field: 'SubnetLen', value: ipv4.subnetLength },
      { field: 'SubnetMin', value: formatIpv4(ipv4.subnetMin) },
      { field: 'SubnetMax', value: formatIpv4(ipv4.subnetMax) },
    );
  }
  if (ipv6 !== undefined) {
    values.push(
      { field: 'IPv6Network', value: formatIpv6Cidr(ipv6.network) },
      { field: 'IPv6SubnetLen', value: ipv6.subnetLength },
      { field: 'IPv6SubnetMin', value: formatIpv6(ipv6.subnetMin) },
      { field: 'IPv6SubnetMax', value: formatIpv6(ipv6.subnetMax) },
    );
  }
  values.push({ field: 'Backend.Type', value: config.backend.type });
  for (const [name, value] of Object.entries(config.backend.options)) {
    if (name.toLowerCase() !== 'type') values.push({ field: `Backend.${name}`, value });
  }
  values.push({ field: 'hosts', value: Math.max(networkCapacity(config), 0) });
  // The subnet's own address is the fabric device's, the last one is the broadcast address.
  if (ipv4 !== undefined) values.push({ field: 'pod addresses per host', value: ipv4CidrSize(ipv4.subnetLength) - 2 });
  return values;
}
