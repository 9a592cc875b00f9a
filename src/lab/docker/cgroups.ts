/** The processes in the lab's cgroup: containers, whoever started them, and however their daemon ended. */
import { globSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { identifyProcess, type ProcessIdentity } from '#lab/process-identity.ts';

/** Where the hierarchies are: cgroup v1 has one for each controller, v2 a single one. */
const ROOTS = ['/sys/fs/cgroup/', '/sys/fs/cgroup/*/'];

/** The cgroup in every hierarchy, with all that are in it, the innermost first. */
export function cgroupDirectories(name: string): readonly string[] {
  const tops = ROOTS.flatMap((root) => globSync(`${root}${name}`));
  return tops.flatMap((top) => directoriesBelow(top));
}

/** Every process in it or below it. */
export function cgroupProcesses(name: string): readonly ProcessIdentity[] {
  const pids = new Set(cgroupDirectories(name).flatMap(processesOf));
  return [...pids].flatMap((pid) => identifyProcess(pid) ?? []);
}

/** Removes it; one that still has a process in it stays. */
export function removeCgroup(name: string): void {
  for (const directory of cgroupDirectories(name)) {
    try {
      rmdirSync(directory);
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      if (code !== 'EBUSY' && code !== 'ENOENT' && code !== 'ENOTEMPTY') throw error;
    }
  }
}

function directoriesBelow(top: string): string[] {
  try {
    const inner = readdirSync(top, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    return [...inner.flatMap((entry) => directoriesBelow(join(top, entry.name))), top];
  } catch {
    // It went away meanwhile.
    return [];
  }
}

function processesOf(directory: string): number[] {
  try {
    const text = readFileSync(join(directory, 'cgroup.procs'), 'utf8');
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map(Number);
  } catch {
    return [];
  }
}
