/**
 * What is known about a lab on disk: `/run/weft/lab/NAME/state.json`, written before each thing is made, so that `down`
 * finds everything also when `up` was killed in the middle. Every change is a whole new file, renamed into place.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '#runtime/fault.ts';
import { LAB_ROOT, type LabPlan } from './plan.ts';
import type { ProcessIdentity } from './process-identity.ts';

/** Environment variable of every process that a lab starts; its value is the lab's id. */
export const LAB_MARK = 'WEFT_LAB_ID';

export interface LabProcess extends ProcessIdentity {
  readonly role: 'agent' | 'etcd' | 'docker';
  /** `host1`. */
  readonly host: string;
  /** Milliseconds from start to ready, once it is. */
  readonly readyMs?: number;
}

export interface LabState {
  readonly version: 1;
  /** Random; marks the lab's processes, so that one which is started but not yet recorded is found as well. */
  readonly id: string;
  /** ISO 8601. */
  readonly createdAt: string;
  readonly phase: 'starting' | 'up' | 'removing';
  /** The `up` that makes it. */
  readonly maker: ProcessIdentity;
  readonly plan: LabPlan;
  /** Inode of each namespace once it is made: a namespace of that name with another inode is not ours. */
  readonly namespaces: Readonly<Record<string, string>>;
  readonly processes: readonly LabProcess[];
}

/** Names that are a directory name, part of a namespace's name, and unmistakable in both. */
export const LAB_NAME = /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/;

/** Makes the lab's directory with its first state in it, in one step; Fault `lab.exists` when there is one already. */
export function createState(state: LabState): void {
  mkdirSync(LAB_ROOT, { recursive: true, mode: 0o755 });
  const draft = join(LAB_ROOT, `.${state.plan.name}-${process.pid}`);
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { mode: 0o755 });
  try {
    writeState(draft, state);
    renameSync(draft, state.plan.directory);
  } catch (cause) {
    rmSync(draft, { recursive: true, force: true });
    if (!hasCode(cause, 'ENOTEMPTY') && !hasCode(cause, 'EEXIST')) throw cause;
    throw new Fault('lab.exists', {
      what: `a lab named ${state.plan.name} is there already`,
      where: state.plan.directory,
    });
  }
}

/** The state of a lab; undefined when there is no such lab. */
export function readState(name: string): LabState | undefined {
  if (!LAB_NAME.test(name)) return undefined;
  const file = stateFile(join(LAB_ROOT, name));
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    if (hasCode(cause, 'ENOENT') || hasCode(cause, 'ENOTDIR')) return undefined;
    throw cause;
  }
  const state: LabState = JSON.parse(text);
  if (state.version === 1) return state;
  throw new Fault('lab.missing', {
    what: `the state of lab ${name} is of another version of weft`,
    where: file,
    remedy: 'take it down with the weft that made it',
  });
}

/** `readState` for a lab that has to be there: Fault `lab.missing` names those that are. */
export function requireState(name: string): LabState {
  const state = readState(name);
  if (state !== undefined) return state;
  const others = listLabs();
  throw new Fault('lab.missing', {
    what: `there is no lab named ${JSON.stringify(name)}`,
    where: LAB_ROOT,
    ...(others.length > 0 && { why: `there is ${others.map((other) => other.plan.name).join(', ')}` }),
  });
}

/**
 * Reads, changes and writes the state without a pause in between. Two commands on one lab may still meet; what they
 * could lose is a process record, and the mark in its environment stands in for that.
 */
export function updateState(name: string, change: (state: LabState) => LabState): LabState {
  const state = change(requireState(name));
  writeState(state.plan.directory, state);
  return state;
}

/** All labs on this machine, by name. */
export function listLabs(): readonly LabState[] {
  let names: string[];
  try {
    names = readdirSync(LAB_ROOT).sort();
  } catch (cause) {
    if (hasCode(cause, 'ENOENT')) return [];
    throw cause;
  }
  return names.map(readState).filter((state) => state !== undefined);
}

/** Removes the lab's directory, the state last: until then `down` can be run again. */
export function removeState(state: LabState): void {
  for (const name of readdirSync(state.plan.directory)) {
    if (name !== 'state.json') rmSync(join(state.plan.directory, name), { recursive: true, force: true });
  }
  rmSync(stateFile(state.plan.directory), { force: true });
  rmdirSync(state.plan.directory);
}

function writeState(directory: string, state: LabState): void {
  const temporary = join(directory, `.state-${process.pid}`);
  writeFileSync(temporary, `${JSON.stringify(state, null, 1)}\n`, { mode: 0o644 });
  renameSync(temporary, stateFile(directory));
}

function stateFile(directory: string): string {
  return join(directory, 'state.json');
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
