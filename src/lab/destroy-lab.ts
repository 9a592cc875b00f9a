/** Takes a lab down: what its state names and nothing else, whatever moment it was left in. */
import { rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '#runtime/fault.ts';
import { cgroupProcesses, removeCgroup } from './docker/cgroups.ts';
import { labCgroup } from './docker/engine-plan.ts';
import { removeMachines } from './machines.ts';
import { LAB_ROOT, plannedNamespaces } from './plan.ts';
import {
  isRunning,
  ownAncestry,
  type ProcessIdentity,
  processesWith,
  signalProcesses,
  waitUntilGone,
} from './process-identity.ts';
import { LAB_MARK, LAB_NAME, type LabState, readState, removeState, updateState } from './state.ts';

export interface Demolition {
  readonly name: string;
  readonly processes: number;
  readonly namespaces: readonly string[];
  /** Namespaces that bear a name of the lab and are not its own: left alone. */
  readonly foreign: readonly string[];
  readonly directory: string;
}

const GRACE_MS = 300;
const KILL_TIMEOUT_MS = 5000;

/** Removes everything of the lab; undefined when there is none of that name. Can be repeated after any interruption. */
export async function destroyLab(name: string): Promise<Demolition | undefined> {
  const found = readState(name);
  if (found === undefined) {
    removeEmptyDirectory(name);
    return undefined;
  }
  if (found.phase === 'starting' && found.maker.pid !== process.pid && isRunning(found.maker)) {
    throw new Fault('lab.exists', {
      what: `the lab ${name} is still coming up`,
      where: `process ${found.maker.pid}`,
      remedy: 'stop that one with Ctrl-C: it removes what it made',
    });
  }
  const state = updateState(name, (now) => ({ ...now, phase: 'removing' }));
  const processes = await endProcesses(state);
  removeCgroup(labCgroup(state.plan));
  const { removed, foreign } = await removeMachines(plannedNamespaces(state.plan), state.namespaces);
  removeState(state);
  return { name, processes, namespaces: removed, foreign, directory: state.plan.directory };
}

/** Ends the lab's agents and members at once, and whatever was started with `weft lab exec` after a word of warning. */
async function endProcesses(state: LabState): Promise<number> {
  const spared = ownAncestry();
  const contained = cgroupProcesses(labCgroup(state.plan));
  const marked = processesWith(LAB_MARK, state.id).filter(({ pid }) => !spared.includes(pid));
  const isOurs = ({ pid }: ProcessIdentity): boolean => state.processes.some((record) => record.pid === pid);
  const isContained = ({ pid }: ProcessIdentity): boolean => contained.some((other) => other.pid === pid);
  const guests = marked.filter((identity) => !isOurs(identity) && !isContained(identity));
  // The daemons are among the first, so that no container is started again.
  const ours = [...state.processes.filter(isRunning), ...contained];
  signalProcesses(ours, 'SIGKILL');
  signalProcesses(guests, 'SIGHUP');
  signalProcesses(guests, 'SIGTERM');
  if (guests.length > 0) signalProcesses(await waitUntilGone(guests, GRACE_MS), 'SIGKILL');
  const left = await waitUntilGone([...ours, ...guests], KILL_TIMEOUT_MS);
  if (left.length === 0) return ours.length + guests.length;
  throw new Fault('command.failed', {
    what: `processes of the lab ${state.plan.name} do not end: ${left.map(({ pid }) => pid).join(', ')}`,
    why: 'they are held up in the kernel',
    remedy: 'wait a moment and run weft lab down again',
  });
}

/** What is left when `down` was interrupted between its last two steps. */
function removeEmptyDirectory(name: string): void {
  if (!LAB_NAME.test(name)) return;
  try {
    rmdirSync(join(LAB_ROOT, name));
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code !== 'ENOENT' && code !== 'ENOTEMPTY') throw error;
  }
}
