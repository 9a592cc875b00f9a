/** The ground of a lab: machines, cables, and a real etcd with the network document in it. No agents. */
import { mkdir } from 'node:fs/promises';
import type { Authority } from '#pki/authority.ts';
import { claimLab } from './claim-lab.ts';
import { etcdDirectory, membersOf } from './etcd-access.ts';
import { startEtcdCluster } from './etcd-cluster.ts';
import { writeNetworkDocument } from './fabric.ts';
import { type LabControl, undoIfAborted } from './lab-control.ts';
import { identifyNamespaces, makeMachines } from './machines.ts';
import { type LabPlan, plannedNamespaces } from './plan.ts';
import type { LabRequest } from './request.ts';
import { LAB_MARK, type LabState, updateState } from './state.ts';

const ETCD_TIMEOUT_MS = 30_000;

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
async function startEtcd({ id, plan }: LabState, authority: Authority): Promise<LabState> {
  const cluster = await startEtcdCluster({
    directory: etcdDirectory(plan),
    members: membersOf(plan).map(({ name, address, namespace }) => ({ name, address, namespace })),
    authority,
    detached: true,
    flags: plan.etcdApi === 'v2' ? ['--enable-v2=true'] : [],
    environment: { [LAB_MARK]: id },
    timeoutMs: ETCD_TIMEOUT_MS,
  });
  const records = cluster.members.map(({ name, pid, startTicks }) => {
    return { role: 'etcd', host: name, pid, startTime: String(startTicks) } as const;
  });
  return updateState(plan.name, (now) => ({ ...now, processes: [...now.processes, ...records] }));
}
