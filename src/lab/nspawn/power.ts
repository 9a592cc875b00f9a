/** A machine's power button: on, off, and waiting until one can work on it. */
import { spawn } from 'node:child_process';
import { chmodSync, closeSync, existsSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { identifyProcess, processesWith, signalProcesses, waitUntilGone } from '#lab/process-identity.ts';
import { runCommand } from '#runtime/command.ts';
import { Fault } from '#runtime/fault.ts';
import { cgroupsOf, hierarchies, processesIn } from './cgroups.ts';
import { settleLayers } from './machine-disk.ts';
import type { Machine } from './machine-set.ts';
import { MACHINE_MARK, MACHINES_MARK, type SetState } from './set-state.ts';
import { sshArgv, sshFiles } from './ssh-access.ts';
import { supervisorFiles, supervisorScript } from './supervisor-script.ts';

const READY_TIMEOUT_MS = 120_000;
const SSH_TIMEOUT_MS = 90_000;
const RETRY_MS = 100;
const SHUTDOWN_TIMEOUT_MS = 30_000;
const PRESS_AGAIN_MS = 1000;
/** systemd powers off on it: systemd(1), "Signals"; glibc has SIGRTMIN at 34. */
const SIGRTMIN_4 = 38;
const KILL_TIMEOUT_MS = 10_000;
const LOG_TAIL_CHARACTERS = 800;
/** How ssh says that it has no connection, whatever the command. */
const SSH_FAILED = 255;

/** Switches it on. It outlives us: its supervisor is in a session of its own. */
export async function powerOn(state: SetState, machine: Machine): Promise<void> {
  const files = supervisorFiles(machine);
  await settleLayers(machine, state.stack);
  writeFileSync(files.script, supervisorScript(state.plan, machine, state.stack, hierarchies()));
  chmodSync(files.script, 0o700);
  const log = openSync(files.log, 'a', 0o600);
  const { PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' } = process.env;
  const child = spawn('/bin/sh', [files.script], {
    detached: true,
    stdio: ['ignore', log, log],
    env: { PATH, ...markOf(state), [MACHINE_MARK]: machineMark(state, machine) },
  });
  closeSync(log);
  child.unref();
  if (child.pid === undefined || identifyProcess(child.pid) === undefined) {
    throw bootFault(machine, 'its supervisor could not be started');
  }
}

/** Whether its supervisor or its systemd-nspawn runs. */
export function isPoweredOn(state: SetState, machine: Machine): boolean {
  return processesWith(MACHINE_MARK, machineMark(state, machine)).length > 0;
}

/** Waits until sshd answers and systemd has started what it has to start; gives systemd's word for how that went. */
export async function waitUntilReady(state: SetState, machine: Machine, signal?: AbortSignal): Promise<string> {
  const deadline = performance.now() + READY_TIMEOUT_MS;
  const argv = sshArgv(state.plan, machine, ['systemctl', 'is-system-running', '--wait']);
  for (;;) {
    signal?.throwIfAborted();
    const why = `see whether ${machine.name} is ready`;
    const output = await runCommand({ argv, environment: markOf(state), why, timeoutMs: SSH_TIMEOUT_MS });
    const word = output.stdout.trim();
    if (output.code !== SSH_FAILED && word !== '') return word;
    if (!isPoweredOn(state, machine)) throw bootFault(machine, 'it has stopped');
    if (performance.now() > deadline) throw bootFault(machine, output.stderr.trim());
    await pause(RETRY_MS);
  }
}

/** Shuts machines down in order, as their power buttons do; one that takes no notice is cut off. */
export async function powerOff(state: SetState, machines: readonly Machine[]): Promise<void> {
  await closeConnections(state, machines);
  const running = machines.flatMap((machine) => processesWith(MACHINE_MARK, machineMark(state, machine)));
  // The shell hands it on; whoever else has the mark is its systemd-nspawn, which would take it for a second one.
  signalProcesses(
    running.filter(({ pid }) => isSupervisor(pid)),
    'SIGTERM',
  );
  const deadline = performance.now() + SHUTDOWN_TIMEOUT_MS;
  for (;;) {
    const left = await waitUntilGone(running, PRESS_AGAIN_MS);
    if (left.length === 0 || performance.now() >= deadline) break;
    // A systemd that has just been started does not listen yet; to one that does, a second time is as good as the first.
    for (const init of left.flatMap(({ pid }) => initOf(pid))) pressAgain(init);
  }
  await cutPower(state, machines);
}

/** Ends machines on the spot, as a power failure does. */
export async function cutPower(state: SetState, machines: readonly Machine[]): Promise<void> {
  const marked = machines.flatMap((machine) => processesWith(MACHINE_MARK, machineMark(state, machine)));
  const inside = cgroupsOf(state.plan).flatMap((group) =>
    machines
      .map(({ name }) => `${group}/${name}`)
      .filter((path) => existsSync(path))
      .flatMap(processesIn),
  );
  const all = [...marked, ...inside];
  signalProcesses(all, 'SIGKILL');
  const left = await waitUntilGone(all, KILL_TIMEOUT_MS);
  if (left.length === 0) return;
  throw new Fault('command.failed', {
    what: `processes of the machines ${state.plan.name} do not end: ${left.map(({ pid }) => pid).join(', ')}`,
    why: 'they are held up in the kernel',
    remedy: `wait a moment and run weft lab machines down --name ${state.plan.name}`,
  });
}

/** Environment of everything that is started for the set on this computer. */
export function markOf(state: SetState): Readonly<Record<string, string>> {
  return { [MACHINES_MARK]: state.id };
}

/** Shared connections would hold on to a machine that is gone. */
async function closeConnections(state: SetState, machines: readonly Machine[]): Promise<void> {
  const { directory, config } = sshFiles(state.plan);
  const open = machines.filter(({ address }) => existsSync(`${directory}/${address}`));
  await Promise.all(
    open.map(({ name }) =>
      runCommand({ argv: ['ssh', '-F', config, '-O', 'exit', name], why: `close the connection to ${name}` }),
    ),
  );
}

function machineMark(state: SetState, machine: Machine): string {
  return `${state.id}:${machine.name}`;
}

/** Process 1 of the machine, when the process given is its systemd-nspawn. */
function initOf(pid: number): readonly number[] {
  try {
    if (readFileSync(`/proc/${pid}/comm`, 'utf8').trim() !== 'systemd-nspawn') return [];
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  } catch {
    // It has ended.
    return [];
  }
}

function pressAgain(init: number): void {
  try {
    process.kill(init, SIGRTMIN_4);
  } catch (error) {
    // It has ended meanwhile, which is what is wanted.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

function isSupervisor(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').at(-2)?.endsWith('/run.sh') === true;
  } catch {
    // It has ended.
    return false;
  }
}

function bootFault(machine: Machine, why: string): Fault {
  const { log } = supervisorFiles(machine);
  const tail = existsSync(log) ? readFileSync(log, 'utf8').trim().slice(-LOG_TAIL_CHARACTERS) : '';
  return new Fault('machines.boot', {
    what: `the machine ${machine.name} did not come up`,
    where: log,
    why: tail === '' ? why : `${why}: ${tail}`,
  });
}
