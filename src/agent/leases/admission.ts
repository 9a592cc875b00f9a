/**
 * Which leases of others may reach the kernel (pure). Records are hostile input: one bad record costs nobody else anything,
 * so where two conflict the older claim (lower `created`) stays and the younger is refused. What a backend needs in
 * BackendData is checked by that backend.
 *
 * Each family is judged by itself: a lease whose IPv6 part cannot be used, or a host of an older fleet that has none, is
 * admitted with its IPv4 part alone.
 */
import { FAMILIES, type Family, type Ip } from '#model/ip.ts';
import { formatPublicIps, type Lease } from '#model/lease.ts';
import type { NetworkConfig } from '#model/network-config.ts';
import { subnetKeyOf } from '#model/subnet-key.ts';
import { GONE, judgeFamily } from './judge-family.ts';
import { isSameHost } from './own-lease.ts';

export interface AdmissionRequest {
  /** Leases of others; our own must not be among them. */
  readonly leases: readonly Lease[];
  /** Leases of peers whose keys are gone, to be kept while nobody else claims what is theirs; none by default. */
  readonly departed?: readonly Lease[];
  readonly network: NetworkConfig;
  /** Our own lease. */
  readonly own: Lease;
  /** Addresses of our own interfaces, the devices of the fabric aside. */
  readonly hostAddresses: readonly Ip[];
}

export interface RefusedLease {
  readonly lease: Lease;
  readonly reason: string;
  /** `info`: to be expected, such as a host of another backend type; `warning`: somebody should look at it. */
  readonly severity: 'info' | 'warning';
}

export interface Admission {
  /** Each with the subnets of those families that are to be programmed. */
  readonly admitted: readonly Lease[];
  /** A lease of which one family is used is here too, with the reason why the other is not. */
  readonly refused: readonly RefusedLease[];
  /** Departed leases to let go of: what was theirs is another's now, or was never used. */
  readonly superseded: readonly Lease[];
}

/** Sorts the leases into those to program and those refused, each with the reason. O(n log n). */
export function admitLeases(request: AdmissionRequest): Admission {
  const { departed = [], own, network } = request;
  const superseded: Lease[] = [];
  const refused: RefusedLease[] = [];
  const living = ofOurFabric(request.leases, own, (refusal) => refused.push(refusal));
  const yielding = departed.map((lease) => ({ ...lease, created: GONE + lease.created, reservation: false }));
  const candidates = living.concat(ofOurFabric(yielding, own, ({ lease }) => superseded.push(lease)));
  const families = FAMILIES.filter((family) => network[family] !== undefined);
  const judgements = new Map(families.map((family) => [family, judgeFamily(family, candidates, request)]));
  const admitted: Lease[] = [];
  for (const [index, lease] of candidates.entries()) {
    const reasons: string[] = [];
    for (const judgement of judgements.values()) {
      const reason = judgement.get(index);
      if (reason !== undefined) reasons.push(reason);
    }
    const usable = usablePart(lease, (family) => judgements.get(family)?.has(index) === false);
    if (usable !== undefined) admitted.push(usable);
    else if (reasons.length === 0)
      reasons.push(`the network has no ${lease.subnet.ipv4 === undefined ? 'IPv6' : 'IPv4'}`);
    if (index < living.length) {
      if (reasons.length > 0) refused.push({ lease, reason: reasons.join('; '), severity: 'warning' });
    } else if (usable === undefined) superseded.push(lease);
  }
  return { admitted, refused, superseded };
}

/** The leases of other hosts with our backend. */
function ofOurFabric(leases: readonly Lease[], own: Lease, refuse: (refused: RefusedLease) => void): Lease[] {
  const backendType = own.attributes.backendType.toLowerCase();
  return leases.filter((lease) => {
    const { attributes } = lease;
    if (isSameHost(attributes, own.attributes)) {
      const reason = `its PublicIP ${formatPublicIps(attributes)} is ours: a cloned host, or an old lease of ours`;
      refuse({ lease, reason, severity: 'warning' });
      return false;
    }
    if (attributes.backendType.toLowerCase() === backendType) return true;
    const reason = `its backend type is "${printable(attributes.backendType)}", ours is "${backendType}"`;
    refuse({ lease, reason, severity: 'info' });
    return false;
  });
}

/** The lease with the families that are good; itself when all are. */
function usablePart(lease: Lease, isGood: (family: Family) => boolean): Lease | undefined {
  const { ipv4, ipv6 } = lease.subnet;
  const good4 = ipv4 !== undefined && isGood('ipv4');
  const good6 = ipv6 !== undefined && isGood('ipv6');
  if (good4 === (ipv4 !== undefined) && good6 === (ipv6 !== undefined)) return lease;
  const subnet = subnetKeyOf({ ipv4: good4 ? ipv4 : undefined, ipv6: good6 ? ipv6 : undefined });
  return subnet && { ...lease, subnet };
}

/** A peer's text in a message: short and without control characters. */
function printable(text: string): string {
  return text.slice(0, 30).replace(/[^\x20-\x7e]/g, '?');
}
