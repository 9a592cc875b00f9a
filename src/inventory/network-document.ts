/** The network document that the section `network` stands for, and which of its keys each field of the document comes from. */
import type { Json } from '#model/lease.ts';
import type { NetworkSection } from './document/network.ts';
import type { Path } from './source/node.ts';

/** As an operator would write it: what is not said is not in it. The preshared key goes in only when it is given here. */
export function networkDocument(network: NetworkSection, presharedKey?: string): string {
  const { cidr, ipv6Cidr, backend } = network;
  const fields: { readonly [name: string]: Json | undefined } = {
    EnableIPv4: cidr === undefined ? false : undefined,
    Network: cidr,
    SubnetLen: network.subnetLength,
    SubnetMin: network.subnetMin,
    SubnetMax: network.subnetMax,
    EnableIPv6: ipv6Cidr === undefined ? undefined : true,
    IPv6Network: ipv6Cidr,
    IPv6SubnetLen: network.ipv6SubnetLength,
    IPv6SubnetMin: network.ipv6SubnetMin,
    IPv6SubnetMax: network.ipv6SubnetMax,
    EnableNFTables: network.nftables ? true : undefined,
  };
  // JSON.stringify leaves out what is undefined.
  return JSON.stringify({ ...fields, Backend: { Type: backend.type, ...backend.options, PSK: presharedKey } });
}

const KEYS: Readonly<Record<string, string>> = {
  Network: 'cidr',
  SubnetLen: 'subnetLength',
  SubnetMin: 'subnetMin',
  SubnetMax: 'subnetMax',
  EnableIPv6: 'ipv6Cidr',
  IPv6Network: 'ipv6Cidr',
  IPv6SubnetLen: 'ipv6SubnetLength',
  IPv6SubnetMin: 'ipv6SubnetMin',
  IPv6SubnetMax: 'ipv6SubnetMax',
};

const BACKEND_KEYS: Readonly<Record<string, string>> = {
  VNI: 'vni',
  MTU: 'mtu',
  GBP: 'gbp',
  PSK: 'presharedKey',
  PersistentKeepaliveInterval: 'keepaliveSeconds',
};

/** Where in the inventory a field of the document (`Backend.VNI`, as a ConfigProblem names it) comes from. */
export function inventoryPathOf(field: string): Path {
  if (!field.startsWith('Backend')) return ['network', ...(field in KEYS ? [KEYS[field] ?? ''] : [])];
  const option = field.slice('Backend.'.length);
  const key = BACKEND_KEYS[option] ?? `${option.slice(0, 1).toLowerCase()}${option.slice(1)}`;
  return ['network', 'backend', ...(option === '' ? [] : [key])];
}
