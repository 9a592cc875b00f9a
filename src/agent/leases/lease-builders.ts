/** Leases, networks and chance for tests, from short texts. */
import { parseIpv4 } from '#model/ipv4.ts';
import { parseIpv6 } from '#model/ipv6.ts';
import type { Lease, LeaseAttributes } from '#model/lease.ts';
import { type NetworkConfig, parseNetworkConfig } from '#model/network-config.ts';
import { parseSubnetKey, type SubnetKey } from '#model/subnet-key.ts';

export function subnetOf(text: string): SubnetKey {
  const subnet = parseSubnetKey(text);
  if (subnet === undefined) throw new Error(`no subnet: ${text}`);
  return subnet;
}

export function ipOf(text: string): number {
  const address = parseIpv4(text);
  if (address === undefined) throw new Error(`no address: ${text}`);
  return address;
}

export function ip6Of(text: string): bigint {
  const address = parseIpv6(text);
  if (address === undefined) throw new Error(`no address: ${text}`);
  return address;
}

/** What a vxlan host with that PublicIP publishes; the MAC may be given. */
export function attributesOf(publicIp: string, mac = '8a:1b:af:8c:b2:78'): LeaseAttributes {
  const backendData = { VNI: 1, VtepMAC: mac };
  return { publicIp: ipOf(publicIp), publicIpv6: null, backendType: 'vxlan', backendData };
}

/** The same of a dual-stack host; `0.0.0.0` for one of IPv6 alone. */
export function dualAttributesOf(publicIp: string, publicIpv6: string, mac = '8a:1b:af:8c:b2:78'): LeaseAttributes {
  const backendV6Data = { VNI: 1, VtepMAC: mac.replace(/^../, '8e') };
  return { ...attributesOf(publicIp, mac), publicIpv6: ip6Of(publicIpv6), backendV6Data };
}

export function leaseOf(subnet: string, publicIp: string, more: Partial<Lease> = {}): Lease {
  const created = more.created ?? 1;
  return {
    subnet: subnetOf(subnet),
    attributes: attributesOf(publicIp),
    reservation: false,
    created,
    modified: created,
    ...more,
  };
}

export function networkOf(document: string | object): NetworkConfig {
  const parsed = parseNetworkConfig(typeof document === 'string' ? document : JSON.stringify(document));
  if ('problems' in parsed) throw new Error(`no network: ${JSON.stringify(parsed.problems)}`);
  return parsed.config;
}

/** Chance that repeats itself for a seed (mulberry32): uniform in [0, 1). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
