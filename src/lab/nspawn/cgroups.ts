/** The cgroups of a set: what runs in them, and how they go away. */
import { existsSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { identifyProcess, type ProcessIdentity } from '#lab/process-identity.ts';
import { systemdHierarchies } from './cgroup-mounts.ts';
import { cgroupOf, type MachinePlan } from './machine-set.ts';

/** Where this computer has the hierarchies that systemd uses. */
export function hierarchies(): readonly string[] {
  return systemdHierarchies(readFileSync('/proc/self/mountinfo', 'utf8'));
}

/** Groups of the set that exist, as paths. */
export function cgroupsOf(plan: Pick<MachinePlan, 'name'>): readonly string[] {
  return hierarchies()
    .map((mount) => join(mount, cgroupOf(plan)))
    .filter((path) => existsSync(path));
}

/** Everything that runs in a group or below it: these are the set's, whatever they are. */
export function processesIn(path: string): readonly ProcessIdentity[] {
  const pids = readFileSync(join(path, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number);
  const own = pids.map(identifyProcess).filter((identity) => identity !== undefined);
  return [...own, ...childrenOf(path).flatMap(processesIn)];
}

/** Removes a group and those below it; one that is still in use shortly after its last process is tried again. */
export async function removeCgroup(path: string, timeoutMs: number): Promise<void> {
  for (const child of childrenOf(path)) await removeCgroup(child, timeoutMs);
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      return rmdirSync(path);
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      if (code === 'ENOENT') return;
      if (code !== 'EBUSY' || performance.now() >= deadline) throw error;
    }
    await pause(20);
  }
}

function childrenOf(path: string): readonly string[] {
  const entries = readdirSync(path, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map((entry) => join(path, entry.name));
}
