/**
 * Ranges that containers get addresses from, with the meaning and the words of the plugin host-local: a range set gives one
 * address, from any of its ranges, round and round. Pure.
 */
import type { JsonObject } from '#cni/protocol/configuration.ts';
import { listMember, textMember } from '#cni/protocol/configuration.ts';
import { CNI_CODES, CniError } from '#cni/protocol/error.ts';
import {
  addressBits,
  type Cidr,
  cidrContains,
  formatCidr,
  formatIp,
  type Ip,
  lastIpOf,
  maskCidr,
  parseCidr,
  parseIp,
} from '#model/ip.ts';
import { isJsonObject } from '#model/json-document.ts';
import type { Json } from '#model/lease.ts';

export interface AddressRange {
  readonly subnet: Cidr;
  /** First and last that may be given. */
  readonly first: Ip;
  readonly last: Ip;
  /** Never given. */
  readonly gateway: Ip;
}

export type RangeSet = readonly AddressRange[];

export interface Candidate {
  readonly address: Ip;
  readonly range: AddressRange;
}

/** The range that is all of a subnet: its first address is the gateway. Throws CniError 7. */
export function rangeOf(
  subnet: Cidr,
  given: { readonly first?: Ip; readonly last?: Ip; readonly gateway?: Ip } = {},
): AddressRange {
  const { address, length } = subnet;
  if (length > addressBits(address) - 2) throw invalid(`Network ${formatCidr(subnet)} too small to allocate from`);
  const network = maskCidr(subnet);
  if (network.address !== address) {
    throw invalid(
      `Network has host bits set. For a subnet mask of length ${length} the network address is ${formatIp(network.address)}`,
    );
  }
  const end = lastIpOf(subnet);
  const {
    first = plus(address, 1),
    last = typeof end === 'number' ? plus(end, -1) : end,
    gateway = plus(address, 1),
  } = given;
  for (const [name, value] of [
    ['RangeStart', first],
    ['RangeEnd', last],
  ] as const) {
    if (!cidrContains(subnet, value)) throw invalid(`${name} ${formatIp(value)} not in network ${formatCidr(subnet)}`);
  }
  if (first > last) throw invalid(`RangeStart ${formatIp(first)} is behind RangeEnd ${formatIp(last)}`);
  return { subnet, first, last, gateway };
}

/** `ipam.ranges` and the older form with one range in `ipam` itself; undefined when there is neither. Throws CniError 6, 7. */
export function readRangeSets(ipam: JsonObject): readonly RangeSet[] | undefined {
  const old = textMember(ipam, 'subnet') === undefined ? [] : [[readRange(ipam)]];
  const lists = (listMember(ipam, 'ranges') ?? []).map((set) => {
    if (Array.isArray(set) && set.length > 0) return set.map((range: Json) => readRange(range));
    throw invalid('empty range set');
  });
  const sets = [...old, ...lists];
  for (const [index, set] of sets.entries()) checkSet(set, index, sets);
  return sets.length === 0 ? undefined : sets;
}

/** Every address that may be given, once each: first the one after `last`, which was given before, and `last` at the end. */
export function* candidates(set: RangeSet, last: Ip | undefined): Generator<Candidate> {
  const at = last === undefined ? -1 : set.findIndex((range) => includes(range, last));
  const from = set[at];
  if (from === undefined || last === undefined) {
    for (const range of set) yield* walk(range, range.first, range.last);
    return;
  }
  if (last < from.last) yield* walk(from, plus(last, 1), from.last);
  for (const range of [...set.slice(at + 1), ...set.slice(0, at)]) yield* walk(range, range.first, range.last);
  yield* walk(from, from.first, last);
}

/** That address of the set, which may be asked for; undefined when it is of none of the ranges. Throws CniError 999. */
export function candidateAt(set: RangeSet, address: Ip): Candidate | undefined {
  const range = set.find((each) => includes(each, address));
  if (range?.gateway === address)
    throw new CniError(CNI_CODES.internal, `requested ip ${formatIp(address)} is subnet's gateway`);
  return range === undefined ? undefined : { address, range };
}

export function includes(range: AddressRange, address: Ip): boolean {
  return typeof address === typeof range.first && range.first <= address && address <= range.last;
}

/** As host-local names a set: `10.5.1.1-10.5.1.254`. */
export function formatRangeSet(set: RangeSet): string {
  return set.map(({ first, last }) => `${formatIp(first)}-${formatIp(last)}`).join(',');
}

function* walk(range: AddressRange, first: Ip, last: Ip): Generator<Candidate> {
  for (let address = first; address <= last; address = plus(address, 1)) {
    if (address !== range.gateway) yield { address, range };
  }
}

function plus(address: Ip, step: number): Ip {
  return typeof address === 'number' ? address + step : address + BigInt(step);
}

function readRange(value: Json): AddressRange {
  if (!isJsonObject(value)) throw invalid('a range is no JSON object');
  const text = textMember(value, 'subnet') ?? '';
  const subnet = parseCidr(text);
  if (subnet === undefined) throw invalid(`invalid CIDR address: ${text}`);
  const address = (name: string): Ip | undefined => {
    const written = textMember(value, name) ?? '';
    const parsed = written === '' ? undefined : parseIp(written);
    if (written === '' || (parsed !== undefined && typeof parsed === typeof subnet.address)) return parsed;
    throw invalid(`${name} ${written} is no address of the family of ${text}`);
  };
  const [first, last, gateway] = [address('rangestart'), address('rangeend'), address('gateway')];
  return rangeOf(subnet, {
    ...(first !== undefined && { first }),
    ...(last !== undefined && { last }),
    ...(gateway !== undefined && { gateway }),
  });
}

function checkSet(set: RangeSet, index: number, sets: readonly RangeSet[]): void {
  if (new Set(set.map(({ first }) => typeof first)).size > 1)
    throw invalid(`range set ${index} has mixed address families`);
  const others = [...sets.slice(index + 1).flat()];
  for (const [at, range] of set.entries()) {
    const clash = [...set.slice(at + 1), ...others].find((other) => overlap(range, other));
    if (clash !== undefined) throw invalid(`range ${formatRangeSet([range])} overlaps with ${formatRangeSet([clash])}`);
  }
}

function overlap(a: AddressRange, b: AddressRange): boolean {
  return includes(a, b.first) || includes(b, a.first);
}

function invalid(message: string): CniError {
  return new CniError(CNI_CODES.invalidConfiguration, message);
}
