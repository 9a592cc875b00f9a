/** The ground of a lab: machines, cables, and a real etcd with the network document in it. No agents. */
import { mkdir } from 'node:fs/promises';
import type { Authority } from '#pki/authority.ts';
import { claimLab } from './claim-lab.ts';
import { membersOf } from './etcd-access.ts';
import { startEtcdCluster } from './etcd-cluster.ts';
import { writeNetworkDocument } from './fabric.ts';
import { type LabControl, undoIfAborted } from './lab-control.ts';
import { clusterOptions } from './lab-etcd.ts';
import { identifyNamespaces, makeMachines } from './machines.ts';
import { type LabPlan, plannedNamespaces } from './plan.ts';
import type { LabRequest } from './request.ts';
import { type LabState, updateState } from './state.ts';

/** Faults as `claimLab`, `command.failed`, `lab.up`; from `claimLab` on the lab is there to be taken down. */
export async function prepareLab(request: LabRequest, control: LabControl): Promise<LabState> {
  const state = await claimLab(request);
  return undoIfAborted(state.plan.name, control, async () => {
    const { plan } = state;
    control.step(`${plan.hosts.length} hosts, a switch and the cables`);
    await Promise.all(plan.hosts.map((host) => mkdir(host.directory, { recursive: true })));
    // Loading the certificate code takes us a moment, in which ip works.
    const [authority] = await Promise.all([makeAuthority(plan), makeMachines(plan)]);
    const namespaces = identifyNamespaces(plannedNamespaces(plan));
    updateState(plan.name, (now) => ({ ...now, namespaces }));
    control.signal.throwIfAborted();
    control.step(`etcd: ${membersOf(plan).length} members with mutual TLS`);
    const prepared = await startEtcd(state, authority);
    await writeNetworkDocument(plan);
    return prepared;
  });
}

async function makeAuthority(plan: LabPlan): Promise<Authority> {
  const { createAuthority } = await import('#pki/authority.ts');
  return createAuthority({ commonName: `weft lab ${plan.name}` });
}

/** The members outlive us. Until they are recorded, the mark in their environment is what `down` finds them by. */
async function startEtcd(state: LabState, authority: Authority): Promise<LabState> {
  const cluster = await startEtcdCluster({ ...clusterOptions(state), authority });
  const records = cluster.members.map(({ name, pid, startTicks }) => {
    return { role: 'etcd', host: name, pid, startTime: String(startTicks) } as const;
  });
  return updateState(state.plan.name, (now) => ({ ...now, processes: [...now.processes, ...records] }));
}
