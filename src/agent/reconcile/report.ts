/** What the core knows, as a FabricReport for people and monitors. Pure. */
import type { CountersReport, FabricReport, LeaseReport, StoreReport } from '#agent/publish/status-report.ts';
import { withoutSecrets } from '#model/document-secrets.ts';
import { FAMILIES, formatCidr, formatIp } from '#model/ip.ts';
import { isUnanswered } from './cache-state.ts';
import { LEASE_TTL_MS } from './renewal.ts';
import { type Moment, reportPeers, subnetTexts } from './report-peers.ts';
import type { CoreState } from './state.ts';
import { troublesOf } from './troubles.ts';

export interface ReportDetail {
  /** With each peer, of which there may be ten thousand. */
  readonly peers: boolean;
}

export function reportOf(state: CoreState, detail: ReportDetail): FabricReport {
  const { network, settings } = state;
  const at: Moment = (ms) => new Date(ms + settings.wallOffsetMs).toISOString();
  return {
    ready: state.ready,
    ...(network !== undefined && {
      network: {
        backend: network.config.backend.type,
        cidrs: FAMILIES.flatMap((family) => network.config[family]?.network ?? []).map(formatCidr),
        document: withoutSecrets(state.document ?? '{}'),
      },
    }),
    ...reportLease(state, at),
    ...reportUnderlay(state),
    devices: reportDevices(state),
    store: reportStore(state, at),
    peers: reportPeers(state, at, detail.peers),
    firewall: {
      ...(network !== undefined && { mode: network.config.enableNftables ? 'nftables' : 'iptables' }),
      masquerade: settings.traffic.masquerade,
      forward: settings.traffic.forward,
      settled: state.firewallSettled && !state.firewallDirty && state.firewall.trouble === undefined,
    },
    troubles: troublesOf(state, at),
    counters: reportCounters(state),
  };
}

function reportLease({ own, heldSince, writtenAt, renewAt }: CoreState, at: Moment): { readonly lease?: LeaseReport } {
  if (own === undefined) return {};
  const ends = !own.reservation && writtenAt !== undefined;
  const lease = {
    subnets: subnetTexts(own.subnet),
    reservation: own.reservation,
    ...(heldSince !== undefined && { heldSince: at(heldSince) }),
    ...(writtenAt !== undefined && { renewedAt: at(writtenAt) }),
    ...(Number.isFinite(renewAt) && { renewsAt: at(renewAt) }),
    ...(ends && { expiresAt: at(writtenAt + LEASE_TTL_MS) }),
    created: own.created,
    modified: own.modified,
  };
  return { lease };
}

function reportUnderlay({ network, underlay }: CoreState): Pick<FabricReport, 'underlay'> {
  if (network === undefined || underlay === undefined) return {};
  const addresses = FAMILIES.flatMap((family) => underlay[family] ?? []).map(({ address, publicIp }) => ({
    address: formatIp(address),
    publicIp: formatIp(publicIp),
  }));
  const { name, mtu } = underlay;
  return { underlay: { interface: name, mtu, podMtu: network.backend.mtu(underlay), addresses } };
}

/** Devices with MACs are one for each family, in the order of the families. */
function reportDevices({ network, identity }: CoreState): FabricReport['devices'] {
  const macs = FAMILIES.flatMap((family) => identity?.macs[family] ?? []);
  return (network?.backend.devices ?? []).map((name, index) => {
    const mac = macs[index];
    return { name, ...(mac !== undefined && { mac }) };
  });
}

/** While no watch is cut, loading says whether the store answers: that there is no document is an answer. */
function reportStore({ network, load, cache, storeLostAt, storeFault }: CoreState, at: Moment): StoreReport {
  if (isUnanswered(cache)) {
    const { trouble } = load;
    const why = trouble && { why: trouble.fault.summary };
    return { connected: false, lostAt: at(cache.startedAt), ...why, fromCache: true };
  }
  if (storeLostAt !== undefined) {
    return { connected: false, lostAt: at(storeLostAt), ...(storeFault !== undefined && { why: storeFault.summary }) };
  }
  const { trouble } = load;
  if (trouble === undefined) return { connected: network !== undefined };
  if (trouble.fault.code.startsWith('network.')) return { connected: true };
  return { connected: false, lostAt: at(trouble.since), why: trouble.fault.summary };
}

function reportCounters({ counters, drift }: CoreState): CountersReport {
  const { passMs, operations, ...numbers } = counters;
  const kinds = [...operations].sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    ...numbers,
    passSeconds: passMs / 1000,
    operations: Object.fromEntries(kinds),
    drift: { ...drift, repaired: { ...drift.repaired } },
  };
}
