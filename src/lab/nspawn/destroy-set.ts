/** `down`: shuts the machines down and removes what the set's state names, and nothing else, whatever moment it was left in. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { namespacePath } from '#hosts/namespace.ts';
import { isRunning, ownAncestry, processesWith, signalProcesses, waitUntilGone } from '#lab/process-identity.ts';
import { mustRun } from '#runtime/command.ts';
import { Fault } from '#runtime/fault.ts';
import { cgroupsOf, removeCgroup } from './cgroups.ts';
import { namespacesOf } from './machine-set.ts';
import { cutPower, powerOff } from './power.ts';
import { MACHINES_MARK, readSetState, removeSetState, type SetState, updateSetState } from './set-state.ts';
import { supervisorFiles } from './supervisor-script.ts';

export interface SetDemolition {
  readonly name: string;
  readonly machines: number;
  readonly namespaces: readonly string[];
  /** Namespaces that bear a name of the set and are not its own: left alone. */
  readonly foreign: readonly string[];
  readonly directory: string;
}

const KILL_TIMEOUT_MS = 10_000;

/**
 * Removes everything of the set; undefined when there is none of that name. Can be repeated after any interruption.
 * `orderly`: the machines are shut down; else they are cut off, for those that have not even come up.
 */
export async function destroySet(
  name: string,
  { orderly }: { readonly orderly: boolean },
): Promise<SetDemolition | undefined> {
  const found = readSetState(name);
  if (found === undefined) return undefined;
  if (found.phase === 'starting' && found.maker.pid !== process.pid && isRunning(found.maker)) {
    throw new Fault('machines.exists', {
      what: `the machines ${name} are still coming up`,
      where: `process ${found.maker.pid}`,
      remedy: 'stop that one with Ctrl-C: it removes what it made',
    });
  }
  const state = updateSetState(name, (now) => ({ ...now, phase: 'removing' }));
  const { plan } = state;
  await (orderly ? powerOff(state, plan.machines) : cutPower(state, plan.machines));
  await endHelpers(state);
  for (const path of cgroupsOf(plan)) await removeCgroup(path, KILL_TIMEOUT_MS);
  const { removed, foreign } = await removeNamespaces(state);
  removeSetState(state);
  return { name, machines: plan.machines.length, namespaces: removed, foreign, directory: plan.directory };
}

/** Connections by ssh, and the way to the internet. */
async function endHelpers(state: SetState): Promise<void> {
  const spared = ownAncestry();
  const helpers = processesWith(MACHINES_MARK, state.id).filter(({ pid }) => !spared.includes(pid));
  signalProcesses(helpers, 'SIGTERM');
  signalProcesses(await waitUntilGone(helpers, 1000), 'SIGKILL');
  await waitUntilGone(helpers, KILL_TIMEOUT_MS);
}

async function removeNamespaces(
  state: SetState,
): Promise<{ readonly removed: readonly string[]; readonly foreign: readonly string[] }> {
  const ours = ownInodes(state);
  const present = namespacesOf(state.plan).filter((name) => existsSync(namespacePath(name)));
  // Before the first inode is written down, the claim on the names is all there is, and they were free then.
  const isForeign = (name: string): boolean =>
    ours.get(name)?.includes(String(statSync(namespacePath(name)).ino)) === false;
  const foreign = present.filter(isForeign);
  const removed = present.filter((name) => !foreign.includes(name));
  for (const name of removed) {
    await mustRun({ argv: ['ip', 'netns', 'del', name], why: `remove the namespace ${name}` });
  }
  return { removed, foreign };
}

/** The inodes that each namespace has had, as far as they were written down. */
function ownInodes({ plan, switchInode }: SetState): ReadonlyMap<string, readonly string[]> {
  const inodes = new Map<string, readonly string[]>();
  if (switchInode !== undefined) inodes.set(plan.switchNamespace, [switchInode]);
  for (const machine of plan.machines) {
    const { boots } = supervisorFiles(machine);
    if (existsSync(boots)) inodes.set(machine.namespace, readFileSync(boots, 'utf8').split('\n').filter(Boolean));
  }
  return inodes;
}
