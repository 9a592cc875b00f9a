/** Looks at a lab: its agents, uplinks, subnet files and what etcd says, as one snapshot. */

import { setTimeout as pause } from 'node:timers/promises';
import { Fault } from '#runtime/fault.ts';
import { agentOf } from './agents.ts';
import { type FabricReport, readFabric } from './fabric.ts';
import { cutUplinks } from './machines.ts';
import { lostPairs, type PingEnd, type PodMatrix, pingMatrix } from './matrix.ts';
import type { HostPlan, LabPlan } from './plan.ts';
import { podNetwork } from './pods.ts';
import { isRunning, residentBytes } from './process-identity.ts';
import type { AgentSnapshot, HostSnapshot, LabSnapshot } from './snapshot.ts';
import type { LabState } from './state.ts';
import { addressOf } from './subnet-file.ts';

const MATRIX_PAUSE_MS = 150;

/** The lab now; with a matrix when one is given. An etcd that does not answer shows as members that are down. */
export async function observeLab(state: LabState, matrix?: PodMatrix): Promise<LabSnapshot> {
  const [report, cut] = await Promise.all([fabricOf(state), cutUplinks(state.plan)]);
  const hosts = await Promise.all(
    state.plan.hosts.map((host) => hostSnapshot(state, host, report, cut.includes(host.name))),
  );
  const { name, subnet, podNetwork: pods, backend, prefix } = state.plan;
  return { name, subnet, podNetwork: pods, backend, prefix, hosts, ...(matrix !== undefined && { matrix }) };
}

/** Pings until every pair answers or the time is over; the last matrix counts. */
export async function settleMatrix(plan: LabPlan, patienceMs: number, signal?: AbortSignal): Promise<PodMatrix> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const matrix = await pingMatrix(await pingEnds(plan));
    if (lostPairs(matrix).length === 0 || performance.now() >= deadline) return matrix;
    signal?.throwIfAborted();
    await pause(MATRIX_PAUSE_MS);
  }
}

async function pingEnds(plan: LabPlan): Promise<readonly PingEnd[]> {
  return Promise.all(
    plan.hosts.map(async (host) => {
      const network = await podNetwork(host);
      const address = network === undefined ? undefined : addressOf(network.podAddress);
      return { name: host.pod.name, namespace: host.pod.namespace, address };
    }),
  );
}

async function fabricOf(state: LabState): Promise<FabricReport | undefined> {
  try {
    return await readFabric(state.plan);
  } catch (error) {
    if (error instanceof Fault) return undefined;
    throw error;
  }
}

async function hostSnapshot(
  state: LabState,
  host: HostPlan,
  report: FabricReport | undefined,
  cut: boolean,
): Promise<HostSnapshot> {
  const network = await podNetwork(host);
  const leased = report?.leases.find((lease) => lease.publicIp === host.address);
  // Without etcd the subnet file is the best there is.
  const lease = report === undefined ? network?.subnet : leased?.subnet;
  return {
    name: host.name,
    address: host.address,
    uplink: cut ? 'cut' : 'up',
    etcd: memberState(host, report),
    ...(lease !== undefined && { lease }),
    ...(leased?.deviceMac !== undefined && { deviceMac: leased.deviceMac }),
    pod: { name: host.pod.name, ...(network !== undefined && { address: addressOf(network.podAddress) }) },
    agent: agentSnapshot(state, host),
  };
}

function memberState(host: HostPlan, report: FabricReport | undefined): HostSnapshot['etcd'] {
  if (!host.member) return 'none';
  return report?.members.get(host.name) ?? 'down';
}

function agentSnapshot(state: LabState, host: HostPlan): AgentSnapshot {
  const agent = agentOf(state, host);
  if (agent === undefined || !isRunning(agent)) return { running: false };
  const rssBytes = residentBytes(agent);
  return {
    running: true,
    pid: agent.pid,
    ...(rssBytes !== undefined && { rssBytes }),
    ...(agent.readyMs !== undefined && { readyMs: agent.readyMs }),
  };
}
