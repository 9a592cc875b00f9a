/** Looks at a lab: its agents, uplinks, subnet files and what etcd says, as one snapshot. */

import { setTimeout as pause } from 'node:timers/promises';
import type { Verdict } from '#agent/publish/verdict.ts';
import { askStatus } from '#cli/status/ask-status.ts';
import type { Family } from '#model/ip.ts';
import { Fault } from '#runtime/fault.ts';
import { agentOf } from './agents.ts';
import { type FabricReport, readFabric } from './fabric.ts';
import { cutUplinks } from './machines.ts';
import { lostPairs, type PingEnd, pingMatrix, pingOneWay } from './matrix.ts';
import type { HostPlan } from './plan.ts';
import { locatePods, type PodAddresses, podNetwork } from './pods.ts';
import { isRunning, residentBytes } from './process-identity.ts';
import { type AgentSnapshot, type HostSnapshot, type LabSnapshot, matricesOf, type PodMatrices } from './snapshot.ts';
import type { LabState } from './state.ts';

const MATRIX_PAUSE_MS = 150;
const VERDICT_TIMEOUT_MS = 2000;

/** The lab now; with the matrices that are given. An etcd that does not answer shows as members that are down. */
export async function observeLab(state: LabState, matrices: PodMatrices = {}): Promise<LabSnapshot> {
  const [report, cut, pods] = await Promise.all([fabricOf(state), cutUplinks(state.plan), locatePods(state)]);
  const hosts = await Promise.all(
    state.plan.hosts.map((host, index) => {
      return hostSnapshot(state, { host, pod: pods[index] ?? {}, report, cut: cut.includes(host.name) });
    }),
  );
  const { name, subnet, podNetworks, backend, prefix } = state.plan;
  return { name, subnet, podNetworks, backend, prefix, hosts, ...matrices };
}

/** Pings until every pair answers in every family or the time is over; the last matrices count. */
export async function settleMatrices(state: LabState, patienceMs: number, signal?: AbortSignal): Promise<PodMatrices> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    if (state.plan.backend === 'wireguard') await mapEnds(state, pingOneWay);
    const matrices = await pingPods(state);
    const lost = matricesOf(matrices).flatMap(({ matrix }) => lostPairs(matrix));
    if (lost.length === 0 || performance.now() >= deadline) return matrices;
    signal?.throwIfAborted();
    await pause(MATRIX_PAUSE_MS);
  }
}

async function pingPods(state: LabState): Promise<PodMatrices> {
  const { ipv4: matrix, ipv6: matrixIpv6 } = await mapEnds(state, pingMatrix);
  return { ...(matrix !== undefined && { matrix }), ...(matrixIpv6 !== undefined && { matrixIpv6 }) };
}

/** One family after the other, so that neither slows the other down. */
async function mapEnds<T>(
  state: LabState,
  ping: (ends: readonly PingEnd[]) => Promise<T>,
): Promise<{ readonly [family in Family]?: T }> {
  const { hosts, families } = state.plan;
  const addresses = await locatePods(state);
  const results: { [family in Family]?: T } = {};
  for (const family of families) {
    const ends = hosts.map(({ pod: { name, namespace } }, index) => {
      return { name, namespace, address: addresses[index]?.[family] };
    });
    results[family] = await ping(ends);
  }
  return results;
}

async function fabricOf(state: LabState): Promise<FabricReport | undefined> {
  try {
    return await readFabric(state.plan);
  } catch (error) {
    if (error instanceof Fault) return undefined;
    throw error;
  }
}

interface HostFindings {
  readonly host: HostPlan;
  readonly pod: PodAddresses;
  readonly report: FabricReport | undefined;
  readonly cut: boolean;
}

async function hostSnapshot(state: LabState, { host, pod, report, cut }: HostFindings): Promise<HostSnapshot> {
  const network = await podNetwork(host);
  const leased = report?.leases.find(
    ({ publicIp, publicIpv6 }) => publicIp === host.address || (publicIpv6 ?? '') === host.addressIpv6,
  );
  // Without etcd the subnet file is the best there is.
  const lease = report === undefined ? network?.ipv4?.subnet : leased?.subnet;
  const leaseIpv6 = report === undefined ? network?.ipv6?.subnet : leased?.subnetIpv6;
  return {
    name: host.name,
    address: host.address,
    ...(host.addressIpv6 !== undefined && { addressIpv6: host.addressIpv6 }),
    uplink: cut ? 'cut' : 'up',
    etcd: memberState(host, report),
    ...(lease !== undefined && { lease }),
    ...(leaseIpv6 !== undefined && { leaseIpv6 }),
    ...(leased?.deviceMac !== undefined && { deviceMac: leased.deviceMac }),
    pod: {
      name: host.pod.name,
      ...(pod.ipv4 !== undefined && { address: pod.ipv4 }),
      ...(pod.ipv6 !== undefined && { addressIpv6: pod.ipv6 }),
    },
    agent: await agentSnapshot(state, host),
  };
}

function memberState(host: HostPlan, report: FabricReport | undefined): HostSnapshot['etcd'] {
  if (!host.member) return 'none';
  return report?.members.get(host.name) ?? 'down';
}

async function agentSnapshot(state: LabState, host: HostPlan): Promise<AgentSnapshot> {
  const agent = agentOf(state, host);
  if (agent === undefined || !isRunning(agent)) return { running: false };
  const rssBytes = residentBytes(agent);
  const verdict = await verdictOn(host);
  return {
    running: true,
    pid: agent.pid,
    ...(rssBytes !== undefined && { rssBytes }),
    ...(agent.readyMs !== undefined && { readyMs: agent.readyMs }),
    ...(verdict !== undefined && { verdict }),
  };
}

/** Undefined when the agent does not answer: it is stopped, or has only just started. */
async function verdictOn(host: HostPlan): Promise<Verdict | undefined> {
  try {
    const report = await askStatus({ socket: host.controlSocket, peers: false, timeoutMs: VERDICT_TIMEOUT_MS });
    return report.verdict;
  } catch (error) {
    if (error instanceof Fault) return undefined;
    throw error;
  }
}
