/** Which leases of others cannot be used in one family, and why: by themselves, and among each other by age. Pure. */
import {
  type Cidr,
  cidrContains,
  cidrEncloses,
  cidrsOverlap,
  type Family,
  formatCidr,
  formatIp,
  type Ip,
  maskCidr,
  parseCidr,
} from '#model/ip.ts';
import type { Lease, LeaseAttributes } from '#model/lease.ts';
import type { AdmissionRequest } from './admission.ts';
import { publishesSame } from './own-lease.ts';
import { SubnetTree } from './subnet-tree.ts';

/** A key that is gone is no claim any more: it counts as younger than every key that is there. No store counts that far. */
export const GONE = 2 ** 52;

/** What a lease says for one family. */
interface Part {
  /** Of the lease in the list. */
  readonly index: number;
  readonly subnet: Cidr;
  readonly publicIp: Ip;
  /** Of the length that the network hands out; another is left over from another SubnetLen, or wrong. */
  readonly fits: boolean;
  readonly created: number;
  readonly reservation: boolean;
}

interface Names {
  readonly subnet: string;
  readonly network: string;
  readonly publicIp: string;
}

const NAMES: { readonly [family in Family]: Names } = {
  ipv4: { subnet: 'subnet', network: 'Network', publicIp: 'PublicIP' },
  ipv6: { subnet: 'IPv6 subnet', network: 'IPv6Network', publicIp: 'PublicIPv6' },
};

/** Reasons by index of the lease; a lease that has no subnet of that family has none to be refused. */
export function judgeFamily(
  family: Family,
  leases: readonly Lease[],
  request: AdmissionRequest,
): ReadonlyMap<number, string> {
  const reasons = new Map<number, string>();
  const range = request.network[family];
  if (range === undefined) return reasons;
  const { network, subnetLength } = range;
  const parts: Part[] = [];
  for (const [index, lease] of leases.entries()) {
    const subnet = lease.subnet[family];
    if (subnet === undefined) continue;
    const publicIp = publicIpOf(lease, family);
    const reason = refusalByItself(family, network, subnet, publicIp, request);
    if (reason !== undefined) reasons.set(index, reason);
    else {
      const { created, reservation } = lease;
      parts.push({ index, subnet, publicIp, fits: subnet.length === subnetLength, created, reservation });
    }
  }
  const attributesOf = (index: number): LeaseAttributes | undefined => leases[index]?.attributes;
  refuseYounger(parts, network, NAMES[family], reasons, attributesOf);
  return reasons;
}

function publicIpOf({ attributes }: Lease, family: Family): Ip {
  return family === 'ipv4' ? attributes.publicIp : (attributes.publicIpv6 ?? 0n);
}

/** What is wrong with the part whatever other leases there are. */
function refusalByItself(
  family: Family,
  network: Cidr,
  subnet: Cidr,
  publicIp: Ip,
  { own, hostAddresses }: AdmissionRequest,
): string | undefined {
  const names = NAMES[family];
  if (maskCidr(subnet).address !== subnet.address) return `the ${names.subnet} ${formatCidr(subnet)} has host bits set`;
  if (!cidrEncloses(network, subnet)) {
    return `the ${names.subnet} is outside the ${names.network} ${formatCidr(network)}`;
  }
  const ownSubnet = own.subnet[family];
  if (ownSubnet !== undefined && cidrsOverlap(subnet, ownSubnet))
    return `the ${names.subnet} overlaps our own ${formatCidr(ownSubnet)}`;
  if (ownSubnet !== undefined && cidrContains(ownSubnet, publicIp))
    return `its ${names.publicIp} ${formatIp(publicIp)} is inside our own ${names.subnet} ${formatCidr(ownSubnet)}`;
  const address = hostAddresses.find((each) => cidrContains(subnet, each));
  if (address !== undefined) return `the ${names.subnet} contains our own address ${formatIp(address)}`;
  const ownPublicIp = publicIpOf(own, family);
  if (cidrContains(subnet, ownPublicIp))
    return `the ${names.subnet} contains our ${names.publicIp} ${formatIp(ownPublicIp)}`;
  if (cidrContains(subnet, publicIp))
    return `the ${names.subnet} contains its own ${names.publicIp} ${formatIp(publicIp)}`;
  const special = SPECIAL[family].find(([cidr]) => cidrContains(cidr, publicIp));
  return special && `its ${names.publicIp} ${formatIp(publicIp)} ${special[1]}`;
}

/** Addresses that no peer is reached at. */
const SPECIAL: { readonly [family in Family]: readonly (readonly [Cidr, string])[] } = {
  ipv4: [
    [network('0.0.0.0/8'), 'is missing or no host address'],
    [network('127.0.0.0/8'), 'is a loopback address'],
    [network('224.0.0.0/4'), 'is a multicast address'],
    [network('255.255.255.255/32'), 'is the broadcast address'],
  ],
  ipv6: [
    [network('::/128'), 'is missing'],
    [network('::1/128'), 'is the loopback address'],
    [network('::ffff:0:0/96'), 'is an IPv4 address'],
    [network('fe80::/10'), 'is a link-local address'],
    [network('ff00::/8'), 'is a multicast address'],
  ],
};

function network(text: string): Cidr {
  const cidr = parseCidr(text);
  if (cidr === undefined) throw new Error(`not a network: ${text}`);
  return cidr;
}

/** Oldest claim first, those that do not fit last: a part is refused when it conflicts with one taken before. */
function refuseYounger(
  parts: readonly Part[],
  network: Cidr,
  names: Names,
  reasons: Map<number, string>,
  attributesOf: (index: number) => LeaseAttributes | undefined,
): void {
  if (areApart(parts, network)) return;
  const tree = new SubnetTree(parts.map(({ subnet }) => subnet));
  /** For each part the one taken that is inside its subnet, or whose public address is inside it. */
  const inside = new Map<number, number>();
  const publicIpInside = new Map<number, number>();
  const isTaken = new Uint8Array(parts.length);
  const byAge = Uint32Array.from(parts.keys()).sort((a, b) => compareClaims(parts[a], parts[b]));
  /** By public address: a host has one lease, and finds its oldest one when it starts. */
  const hosts = new Map<Ip, number>();
  // In Kubernetes a node that is registered anew under another name has a second one, and lives; all are reservations there.
  const areBothGiven = (part: Part, other: number): boolean => part.reservation && parts[other]?.reservation === true;
  // The same address with the same MAC is one host: a backup brought back a subnet that it had, and packets reach it by either.
  // A key that is gone is no second one: that host has moved.
  const areOneHost = (part: Part, other: number): boolean => {
    if (part.created >= GONE) return false;
    const [a, b] = [attributesOf(part.index), attributesOf(parts[other]?.index ?? -1)];
    return a !== undefined && b !== undefined && publishesSame(a, b);
  };
  for (const at of byAge) {
    const part = parts[at];
    if (part === undefined) continue;
    const larger = tree.around(at);
    const aroundPublicIp = cidrContains(network, part.publicIp) ? tree.containing(part.publicIp) : [];
    const overlapped = larger.find((other) => isTaken[other] === 1) ?? inside.get(at);
    const holder = aroundPublicIp.find((other) => isTaken[other] === 1);
    const held = publicIpInside.get(at);
    const namesake = hosts.get(part.publicIp);
    if (overlapped !== undefined) {
      reasons.set(part.index, `the ${names.subnet} overlaps ${name(overlapped, part)}`);
    } else if (holder !== undefined) {
      const where = `inside the ${names.subnet} of ${name(holder, part)}`;
      reasons.set(part.index, `its ${names.publicIp} ${formatIp(part.publicIp)} is ${where}`);
    } else if (held !== undefined) {
      reasons.set(part.index, `the ${names.subnet} contains the ${names.publicIp} of ${name(held, part)}`);
    } else if (namesake !== undefined && !areBothGiven(part, namesake) && !areOneHost(part, namesake)) {
      const address = `${names.publicIp} ${formatIp(part.publicIp)}`;
      reasons.set(part.index, `its ${address} is that of ${name(namesake, part)}: was a machine cloned?`);
    } else {
      isTaken[at] = 1;
      hosts.set(part.publicIp, at);
      for (const other of larger) inside.set(other, at);
      for (const other of aroundPublicIp) publicIpInside.set(other, at);
    }
  }

  function name(at: number, than: Part): string {
    const part = parts[at];
    if (part === undefined) return '';
    const age = part.created < than.created ? 'older ' : '';
    return `the ${age}lease ${formatCidr(part.subnet)} of ${formatIp(part.publicIp)}`;
  }
}

/** As in every fleet without a mistake: subnets of one length, each once; each host once, and none inside the network. */
function areApart(parts: readonly Part[], network: Cidr): boolean {
  const subnets = new Set<Ip>();
  const hosts = new Set<Ip>();
  for (const { subnet, publicIp } of parts) {
    if (subnet.length !== parts[0]?.subnet.length || cidrContains(network, publicIp)) return false;
    subnets.add(subnet.address);
    hosts.add(publicIp);
  }
  return subnets.size === parts.length && hosts.size === parts.length;
}

function compareClaims(a: Part | undefined, b: Part | undefined): number {
  if (a === undefined || b === undefined) throw new RangeError('no such part');
  return Number(b.fits) - Number(a.fits) || a.created - b.created;
}
