/**
 * Which leases of others may reach the kernel (pure). Records are hostile input: one bad record costs nobody else anything,
 * so where two conflict the older claim (lower `created`) stays and the younger is refused. What a backend needs in
 * BackendData is checked by that backend. IPv4 only: no backend here programs IPv6 subnets.
 */
import { formatIpv4Cidr, type Ipv4Cidr, ipv4CidrContains, ipv4CidrsOverlap, maskIpv4Cidr } from '#model/cidr.ts';
import { formatIpv4, type Ipv4 } from '#model/ipv4.ts';
import type { Lease } from '#model/lease.ts';
import type { NetworkConfig } from '#model/network-config.ts';
import type { SubnetKey } from '#model/subnet-key.ts';
import { SubnetTree } from './subnet-tree.ts';

export interface AdmissionRequest {
  /** Leases of others; our own must not be among them. */
  readonly leases: readonly Lease[];
  readonly network: NetworkConfig;
  readonly own: SubnetKey;
  readonly ownPublicIp: Ipv4;
  /** Addresses of our own interfaces, the device of the fabric aside. */
  readonly hostAddresses: readonly Ipv4[];
  /** BackendType as our own lease publishes it. */
  readonly backendType: string;
}

export interface RefusedLease {
  readonly lease: Lease;
  readonly reason: string;
  /** `info`: to be expected, such as a host of another backend type; `warning`: somebody should look at it. */
  readonly severity: 'info' | 'warning';
}

export interface Admission {
  readonly admitted: readonly Lease[];
  readonly refused: readonly RefusedLease[];
}

/** Sorts the leases into those to program and those refused, each with the reason. O(n log n). */
export function admitLeases(request: AdmissionRequest): Admission {
  const refused: RefusedLease[] = [];
  const candidates: Lease[] = [];
  const backendType = request.backendType.toLowerCase();
  for (const lease of request.leases) {
    const reason = refusalByItself(lease, request);
    if (reason !== undefined) refused.push({ lease, reason, severity: 'warning' });
    else if (lease.attributes.backendType.toLowerCase() !== backendType) {
      const reason = `its backend type is "${printable(lease.attributes.backendType)}", ours is "${backendType}"`;
      refused.push({ lease, reason, severity: 'info' });
    } else candidates.push(lease);
  }
  const admitted = admitByAge(candidates, request.network, refused);
  return { admitted, refused };
}

/** What is wrong with the lease whatever other leases there are. */
function refusalByItself(lease: Lease, request: AdmissionRequest): string | undefined {
  const { ipv4: subnet } = lease.subnet;
  const { publicIp } = lease.attributes;
  const network = request.network.ipv4?.network;
  if (network === undefined) return 'the network has no IPv4';
  if (maskIpv4Cidr(subnet).address !== subnet.address) return `the subnet ${formatIpv4Cidr(subnet)} has host bits set`;
  if (subnet.length < network.length || !ipv4CidrContains(network, subnet.address)) {
    return `the subnet is outside the Network ${formatIpv4Cidr(network)}`;
  }
  if (ipv4CidrsOverlap(subnet, request.own.ipv4))
    return `the subnet overlaps our own ${formatIpv4Cidr(request.own.ipv4)}`;
  const own = request.hostAddresses.find((address) => ipv4CidrContains(subnet, address));
  if (own !== undefined) return `the subnet contains our own address ${formatIpv4(own)}`;
  if (ipv4CidrContains(subnet, request.ownPublicIp))
    return `the subnet contains our PublicIP ${formatIpv4(request.ownPublicIp)}`;
  if (ipv4CidrContains(subnet, publicIp)) return `the subnet contains its own PublicIP ${formatIpv4(publicIp)}`;
  if (publicIp === request.ownPublicIp)
    return `its PublicIP ${formatIpv4(publicIp)} is ours: a cloned host, or an old lease of ours`;
  return unreachable(publicIp);
}

const SPECIAL: readonly (readonly [Ipv4Cidr, string])[] = [
  [{ address: 0, length: 8 }, 'is missing or no host address'],
  [{ address: 0x7f000000, length: 8 }, 'is a loopback address'],
  [{ address: 0xe0000000, length: 4 }, 'is a multicast address'],
  [{ address: 0xffffffff, length: 32 }, 'is the broadcast address'],
];

function unreachable(publicIp: Ipv4): string | undefined {
  const special = SPECIAL.find(([cidr]) => ipv4CidrContains(cidr, publicIp));
  return special && `its PublicIP ${formatIpv4(publicIp)} ${special[1]}`;
}

/** Oldest claim first: a lease is refused when it conflicts with one admitted before. */
function admitByAge(candidates: readonly Lease[], network: NetworkConfig, refused: RefusedLease[]): readonly Lease[] {
  const tree = new SubnetTree(candidates.map((lease) => lease.subnet.ipv4));
  /** For each candidate the admitted one inside its subnet, or whose PublicIP is inside it. */
  const inside = new Map<number, number>();
  const publicIpInside = new Map<number, number>();
  const isAdmitted = new Uint8Array(candidates.length);
  const byAge = Uint32Array.from(candidates.keys()).sort((a, b) => createdOf(candidates[a]) - createdOf(candidates[b]));
  const admitted: Lease[] = [];
  for (const index of byAge) {
    const lease = candidates[index];
    if (lease === undefined) continue;
    const { publicIp } = lease.attributes;
    const larger = tree.around(index);
    const aroundPublicIp =
      network.ipv4 && ipv4CidrContains(network.ipv4.network, publicIp) ? tree.containing(publicIp) : [];
    const overlapped = larger.find((other) => isAdmitted[other] === 1) ?? inside.get(index);
    const holder = aroundPublicIp.find((other) => isAdmitted[other] === 1);
    const held = publicIpInside.get(index);
    if (overlapped !== undefined) refuse(lease, `the subnet overlaps the older lease ${name(overlapped)}`);
    else if (holder !== undefined)
      refuse(lease, `its PublicIP ${formatIpv4(publicIp)} is inside the subnet of the older lease ${name(holder)}`);
    else if (held !== undefined) refuse(lease, `the subnet contains the PublicIP of the older lease ${name(held)}`);
    else {
      isAdmitted[index] = 1;
      for (const other of larger) inside.set(other, index);
      for (const other of aroundPublicIp) publicIpInside.set(other, index);
      admitted.push(lease);
    }
  }
  return admitted;

  function refuse(lease: Lease, reason: string): void {
    refused.push({ lease, reason, severity: 'warning' });
  }
  function name(index: number): string {
    const lease = candidates[index];
    return lease === undefined
      ? ''
      : `${formatIpv4Cidr(lease.subnet.ipv4)} of ${formatIpv4(lease.attributes.publicIp)}`;
  }
}

function createdOf(lease: Lease | undefined): number {
  return lease?.created ?? 0;
}

/** A peer's text in a message: short and without control characters. */
function printable(text: string): string {
  return text.slice(0, 30).replace(/[^\x20-\x7e]/g, '?');
}
