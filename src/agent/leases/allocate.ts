/**
 * Which subnets are free, and which of them to take (pure).
 *
 * flannel draws among the first 100 free subnets; we draw among all of them: hosts that start together collide less, and a
 * subnet that has just expired is seldom handed out again while peers still hold its routes.
 */
import { ipv4CidrSize, lastIpv4Of, maskIpv4Cidr } from '#model/cidr.ts';
import type { Ipv4 } from '#model/ipv4.ts';
import { ipv6CidrSize, lastIpv6Of, maskIpv6Cidr } from '#model/ipv6.ts';
import type { NetworkConfig } from '#model/network-config.ts';
import type { SubnetKey } from '#model/subnet-key.ts';
import { type FreeSlots, freeSlots } from './free-slots.ts';

export interface AllocateRequest {
  readonly network: NetworkConfig;
  /** Every subnet that somebody has, of any length and also outside the network. */
  readonly occupied: readonly SubnetKey[];
  /** Addresses that no Pod subnet may contain, such as hosts' own. */
  readonly avoid: readonly Ipv4[];
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** A free subnet chosen at random, or undefined when there is none. */
export function allocateSubnet(request: AllocateRequest): SubnetKey | undefined {
  const { ipv4: range4, ipv6: range6 } = request.network;
  const free4 = freeIpv4Subnets(request);
  if (range4 === undefined || free4 === undefined || free4.free === 0) return undefined;
  const pick = (slots: FreeSlots): number => slots.at(Math.floor(request.random() * slots.free));
  const address = range4.subnetMin + pick(free4) * ipv4CidrSize(range4.subnetLength);
  const ipv4 = { address, length: range4.subnetLength };
  if (range6 === undefined) return { ipv4 };
  const free6 = freeIpv6Subnets(request);
  if (free6 === undefined || free6.free === 0) return undefined;
  const address6 = range6.subnetMin + BigInt(pick(free6)) * ipv6CidrSize(range6.subnetLength);
  return { ipv4, ipv6: { address: address6, length: range6.subnetLength } };
}

/** The IPv4 subnets of the network that overlap nothing occupied, as slots counted from SubnetMin. */
export function freeIpv4Subnets(request: Omit<AllocateRequest, 'random'>): FreeSlots | undefined {
  const range = request.network.ipv4;
  if (range === undefined) return undefined;
  const size = ipv4CidrSize(range.subnetLength);
  const slotOf = (address: Ipv4): number => Math.floor((address - range.subnetMin) / size);
  const occupied = request.occupied.map(
    ({ ipv4 }) => [slotOf(maskIpv4Cidr(ipv4).address), slotOf(lastIpv4Of(ipv4))] as const,
  );
  for (const address of request.avoid) occupied.push([slotOf(address), slotOf(address)]);
  return freeSlots((range.subnetMax - range.subnetMin) / size + 1, occupied);
}

/** More IPv6 subnets than this are never counted: slots must stay exact as numbers. */
const MOST_SLOTS = 2n ** 52n;

function freeIpv6Subnets(request: Omit<AllocateRequest, 'random'>): FreeSlots | undefined {
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
  return freeSlots(Number(count < MOST_SLOTS ? count : MOST_SLOTS), occupied);
}
