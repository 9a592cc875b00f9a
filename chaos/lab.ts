/** A lab for one chaos run, with a name of its own, that is gone when the run is. */
import { cpSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { destroyLab } from '#lab/destroy-lab.ts';
import { etcdDirectory } from '#lab/etcd-access.ts';
import { createLab } from '#lab/lab.ts';
import { memberName } from '#lab/lab-etcd.ts';
import { matrixFault } from '#lab/lab-faults.ts';
import { isRunning } from '#lab/process-identity.ts';
import { listLabs, requireState } from '#lab/state.ts';
import { unmountCaches } from './faults/cache.ts';

const PREFIX = 'chaos-';

export interface ChaosLabOptions {
  readonly hosts: number;
  readonly signal: AbortSignal;
  /** What is being done now. */
  readonly progress: (text: string) => void;
}

/** Makes a lab with a full matrix, lets `use` have it and removes it, however that ends. */
export async function withChaosLab<Result>(
  { hosts, signal, progress }: ChaosLabOptions,
  use: (lab: string) => Promise<Result>,
): Promise<Result> {
  await removeAbandoned(progress);
  const name = `${PREFIX}${process.pid}`;
  try {
    // The nat rules belong to what is broken and repaired.
    const snapshot = await createLab({ name, hosts, masquerade: true }, { signal, step: progress, update: () => {} });
    const fault = matrixFault(snapshot, requireState(name).plan);
    if (fault !== undefined) throw fault;
    return await use(name);
  } finally {
    await destroyLab(name);
  }
}

/** Copies the logs of agents and members to where the end of the lab does not reach them; gives the directory. */
export function keepLogs(lab: string): string {
  const { plan } = requireState(lab);
  const directory = mkdtempSync(join(tmpdir(), `weft-${lab}-`));
  for (const host of plan.hosts) {
    cpSync(host.agentLog, join(directory, `${host.name}-agent.log`));
    if (!host.member) continue;
    cpSync(join(etcdDirectory(plan), host.name, 'etcd.log'), join(directory, `${memberName(host)}.log`));
  }
  return directory;
}

/** Labs of runs that were killed and could not clean up. */
async function removeAbandoned(progress: (text: string) => void): Promise<void> {
  for (const { plan, maker } of listLabs()) {
    if (!plan.name.startsWith(PREFIX) || isRunning(maker)) continue;
    progress(`removing the lab ${plan.name}, whose run was killed`);
    await unmountCaches(plan);
    await destroyLab(plan.name);
  }
}
