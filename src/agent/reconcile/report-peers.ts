/** The peers and the refused leases in a report. Pure. */
import type { PeerReport, PeersReport, RefusedReport } from '#agent/publish/status-report.ts';
import { FAMILIES, formatCidr } from '#model/ip.ts';
import { isJsonObject, memberOf } from '#model/json-document.ts';
import { formatPublicIps, type Lease, type LeaseAttributes } from '#model/lease.ts';
import { type Mac, parseMac } from '#model/mac.ts';
import type { SubnetKey } from '#model/subnet-key.ts';
import type { CoreState } from './state.ts';

/** A moment of the core's clock as ISO 8601. */
export type Moment = (ms: number) => string;

/** Without the list of peers this many refused leases say enough. */
const MOST_REFUSED = 100;

export function reportPeers(state: CoreState, at: Moment, complete: boolean): PeersReport {
  const refused = refusedLeases(state);
  const { heldCount, heldSince } = state.departed;
  return {
    count: state.admitted.length,
    ...(heldSince !== undefined && { held: { count: heldCount, since: at(heldSince) } }),
    ...(complete && {
      list: state.admitted
        .toSorted((a, b) => compareSubnets(a.subnet, b.subnet))
        .map((lease) => peer(state, lease, at)),
    }),
    refusedCount: refused.length,
    refusedWarnings: refused.filter(({ severity }) => severity === 'warning').length,
    refused: complete ? refused : refused.slice(0, MOST_REFUSED),
  };
}

/** `10.5.1.0/24`, IPv4 first. */
export function subnetTexts(subnet: SubnetKey): readonly string[] {
  return FAMILIES.flatMap((family) => subnet[family] ?? []).map(formatCidr);
}

function peer(state: CoreState, { subnet, attributes }: Lease, at: Moment): PeerReport {
  const mac = macOf(attributes);
  const since = state.view.since(subnet);
  return {
    subnets: subnetTexts(subnet),
    publicIp: formatPublicIps(attributes),
    ...(mac !== undefined && { mac }),
    ...(since !== undefined && { since: at(since) }),
  };
}

/** What admission refused, and what the backend could not use in the last pass. */
function refusedLeases({ refused, refusedByBackend }: CoreState): readonly RefusedReport[] {
  const byBackend = refusedByBackend.map((each) => ({ ...each, severity: 'warning' as const }));
  return [...refused, ...byBackend].map(({ lease, reason, severity }) => ({
    subnets: subnetTexts(lease.subnet),
    publicIp: formatPublicIps(lease.attributes),
    reason,
    severity,
  }));
}

/** Of a backend that publishes one. What a stranger wrote there is no MAC until it reads as one. */
function macOf({ backendData, backendV6Data }: LeaseAttributes): Mac | undefined {
  for (const data of [backendData, backendV6Data]) {
    const mac = isJsonObject(data) ? memberOf(data, 'vtepmac') : undefined;
    if (typeof mac === 'string') return parseMac(mac);
  }
  return undefined;
}

function compareSubnets(a: SubnetKey, b: SubnetKey): number {
  if (a.ipv4 !== undefined && b.ipv4 !== undefined) return a.ipv4.address - b.ipv4.address;
  if (a.ipv6 === undefined || b.ipv6 === undefined) return a.ipv4 === undefined ? 1 : -1;
  return a.ipv6.address < b.ipv6.address ? -1 : 1;
}
