/**
 * What is known about a set of machines on disk: `/var/lib/weft/machines/NAME/state.json`, written before anything is made, so
 * that `down` finds all of it also when `up` was killed in the middle. Every change is a whole new file, renamed into place.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ProcessIdentity } from '#lab/process-identity.ts';
import { LAB_NAME } from '#lab/state.ts';
import { Fault } from '#runtime/fault.ts';
import type { DiskStack } from './disk-stack.ts';
import { MACHINES_ROOT, type MachinePlan } from './machine-set.ts';

/** Environment variable of every process that a set starts on this computer; its value is the set's id. */
export const MACHINES_MARK = 'WEFT_MACHINES_ID';
/** Beside it at the supervisor of a machine and at its systemd-nspawn; the value is ID:MACHINE. */
export const MACHINE_MARK = 'WEFT_MACHINE_ID';

export interface SetState {
  readonly version: 1;
  /** Random; marks the set's processes. */
  readonly id: string;
  /** ISO 8601. */
  readonly createdAt: string;
  readonly phase: 'starting' | 'up' | 'removing';
  /** The `up` that makes it. */
  readonly maker: ProcessIdentity;
  readonly plan: MachinePlan;
  readonly stack: DiskStack;
  /** Inode of the switch's namespace, once it is made. */
  readonly switchInode?: string;
}

export const SET_NAME = LAB_NAME;

/** Makes the set's directory with its first state in it, in one step; Fault `machines.exists` when there is one. */
export function createSetState(state: SetState): void {
  mkdirSync(MACHINES_ROOT, { recursive: true, mode: 0o755 });
  const { name, directory } = state.plan;
  const draft = join(MACHINES_ROOT, `.${name}-${process.pid}`);
  rmSync(draft, { recursive: true, force: true });
  // Machines' disks hold private keys.
  mkdirSync(draft, { mode: 0o700 });
  try {
    writeState(draft, state);
    renameSync(draft, directory);
  } catch (cause) {
    rmSync(draft, { recursive: true, force: true });
    if (!existsSync(directory)) throw cause;
    throw setExists(name);
  }
}

export function setExists(name: string): Fault {
  return new Fault('machines.exists', {
    what: `there are machines named ${name} already`,
    where: join(MACHINES_ROOT, name),
  });
}

/** The state of a set; undefined when there is no such set. */
export function readSetState(name: string): SetState | undefined {
  if (!SET_NAME.test(name)) return undefined;
  const file = stateFile(join(MACHINES_ROOT, name));
  if (!existsSync(file)) return undefined;
  const state: SetState = JSON.parse(readFileSync(file, 'utf8'));
  if (state.version === 1) return state;
  throw new Fault('machines.missing', {
    what: `the state of the machines ${name} is of another version of weft`,
    where: file,
    remedy: 'take them down with the weft that made them',
  });
}

/** `readSetState` for a set that has to be there: Fault `machines.missing` names those that are. */
export function requireSetState(name: string): SetState {
  const state = readSetState(name);
  if (state !== undefined) return state;
  const others = listSets();
  throw new Fault('machines.missing', {
    what: `there are no machines named ${JSON.stringify(name)}`,
    where: MACHINES_ROOT,
    ...(others.length > 0 && { why: `there are ${others.map((other) => other.plan.name).join(', ')}` }),
  });
}

/** Reads, changes and writes the state without a pause in between. */
export function updateSetState(name: string, change: (state: SetState) => SetState): SetState {
  const state = change(requireSetState(name));
  writeState(state.plan.directory, state);
  return state;
}

/** All sets on this computer, by name. */
export function listSets(): readonly SetState[] {
  if (!existsSync(MACHINES_ROOT)) return [];
  const names = readdirSync(MACHINES_ROOT).sort();
  return names.map(readSetState).filter((state) => state !== undefined);
}

/** Removes the set's directory, the state last: until then `down` can be run again. */
export function removeSetState({ plan: { directory } }: SetState): void {
  for (const name of readdirSync(directory)) {
    if (name !== 'state.json') rmSync(join(directory, name), { recursive: true, force: true });
  }
  rmSync(directory, { recursive: true, force: true });
}

function writeState(directory: string, state: SetState): void {
  const temporary = join(directory, `.state-${process.pid}`);
  writeFileSync(temporary, `${JSON.stringify(state, null, 1)}\n`, { mode: 0o644 });
  renameSync(temporary, stateFile(directory));
}

function stateFile(directory: string): string {
  return join(directory, 'state.json');
}
