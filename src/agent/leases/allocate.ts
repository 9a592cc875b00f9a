/**
 * Which subnets are free, and which of them to take (pure).
 *
 * flannel draws among the first 100 free subnets; we draw among all of them: hosts that start together collide less, and a
 * subnet that has just expired is seldom handed out again while peers still hold its routes.
 */
import { type Ipv4Cidr, ipv4CidrSize, lastIpv4Of, maskIpv4Cidr } from '#model/cidr.ts';
import type { Ip } from '#model/ip.ts';
import type { Ipv4 } from '#model/ipv4.ts';
import { type Ipv6Cidr, ipv6CidrSize, lastIpv6Of, maskIpv6Cidr } from '#model/ipv6.ts';
import type { NetworkConfig } from '#model/network-config.ts';
import { type SubnetKey, type SubnetParts, subnetKeyOf } from '#model/subnet-key.ts';
import { type FreeSlots, freeSlots } from './free-slots.ts';

export interface AllocateRequest {
  readonly network: NetworkConfig;
  /** Every subnet that somebody has, of any length and also outside the network. */
  readonly occupied: readonly SubnetKey[];
  /** Addresses that no Pod subnet may contain, such as hosts' own. */
  readonly avoid: readonly Ip[];
  /** Parts that are settled already; only the other families are chosen. */
  readonly keep?: SubnetParts;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** A free subnet of each family that the network has, chosen at random; undefined when one of them has none. */
export function allocateSubnet(request: AllocateRequest): SubnetKey | undefined {
  const { network, keep } = request;
  const pick = (slots: FreeSlots | undefined): number | undefined =>
    slots === undefined || slots.free === 0 ? undefined : slots.at(Math.floor(request.random() * slots.free));
  const ipv4 =
    network.ipv4 === undefined ? undefined : (keep?.ipv4 ?? ipv4Subnet(network, pick(freeIpv4Subnets(request))));
  if (network.ipv4 !== undefined && ipv4 === undefined) return undefined;
  const ipv6 =
    network.ipv6 === undefined ? undefined : (keep?.ipv6 ?? ipv6Subnet(network, pick(freeIpv6Subnets(request))));
  if (network.ipv6 !== undefined && ipv6 === undefined) return undefined;
  return subnetKeyOf({ ipv4, ipv6 });
}

function ipv4Subnet({ ipv4: range }: NetworkConfig, slot: number | undefined): Ipv4Cidr | undefined {
  if (range === undefined || slot === undefined) return undefined;
  return { address: range.subnetMin + slot * ipv4CidrSize(range.subnetLength), length: range.subnetLength };
}

function ipv6Subnet({ ipv6: range }: NetworkConfig, slot: number | undefined): Ipv6Cidr | undefined {
  if (range === undefined || slot === undefined) return undefined;
  return { address: range.subnetMin + BigInt(slot) * ipv6CidrSize(range.subnetLength), length: range.subnetLength };
}

/** The IPv4 subnets of the network that overlap nothing occupied, as slots counted from SubnetMin. */
export function freeIpv4Subnets(request: Omit<AllocateRequest, 'random'>): FreeSlots | undefined {
  const range = request.network.ipv4;
  if (range === undefined) return undefined;
  const size = ipv4CidrSize(range.subnetLength);
  const slotOf = (address: Ipv4): number => Math.floor((address - range.subnetMin) / size);
  const occupied = request.occupied.flatMap(({ ipv4 }) =>
    ipv4 === undefined ? [] : [[slotOf(maskIpv4Cidr(ipv4).address), slotOf(lastIpv4Of(ipv4))] as const],
  );
  for (const address of request.avoid) {
    if (typeof address === 'number') occupied.push([slotOf(address), slotOf(address)]);
  }
  return freeSlots((range.subnetMax - range.subnetMin) / size + 1, occupied);
}

/** More IPv6 subnets than this are never counted: slots must stay exact as numbers. */
const MOST_SLOTS = 2n ** 52n;

/** The same for IPv6, counted from IPv6SubnetMin. */
export function freeIpv6Subnets(request: Omit<AllocateRequest, 'random'>): FreeSlots | undefined {
  const range = request.network.ipv6;
  if (range === undefined) return undefined;
  const size = ipv6CidrSize(range.subnetLength);
  const count = (range.subnetMax - range.subnetMin) / size + 1n;
  const slotOf = (address: bigint): number => {
    const offset = address - range.subnetMin;
    if (offset < 0n) return -1;
    const slot = offset / size;
    return Number(slot < MOST_SLOTS ? slot : MOST_SLOTS);
  };
  const occupied = request.occupied.flatMap(({ ipv6 }) =>
    ipv6 === undefined ? [] : [[slotOf(maskIpv6Cidr(ipv6).address), slotOf(lastIpv6Of(ipv6))] as const],
  );
  for (const address of request.avoid) {
    if (typeof address === 'bigint') occupied.push([slotOf(address), slotOf(address)]);
  }
  return freeSlots(Number(count < MOST_SLOTS ? count : MOST_SLOTS), occupied);
}
