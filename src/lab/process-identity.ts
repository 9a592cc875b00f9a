/**
 * Processes that outlive the command which started them. A pid alone is no name: the kernel gives it to another process
 * one day. Pid and start time together are, so nothing is ever signalled that was not started here.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

export interface ProcessIdentity {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: clock ticks after boot. */
  readonly startTime: string;
}

/** The identity of a running process; undefined when there is none (a zombie counts as none). */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  const stat = readProc(pid, 'stat');
  // The command's name, in parentheses, may itself hold blanks and parentheses.
  const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const startTime = fields[18];
  return state === 'Z' || state === 'X' || startTime === undefined ? undefined : { pid, startTime };
}

export function isRunning(identity: ProcessIdentity): boolean {
  return identifyProcess(identity.pid)?.startTime === identity.startTime;
}

/** Resident memory in bytes; undefined when the process is gone. */
export function residentBytes(identity: ProcessIdentity): number | undefined {
  if (!isRunning(identity)) return undefined;
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readProc(identity.pid, 'status'))?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}

/** Every process that has `variable=value` in the environment it was started with. */
export function processesWith(variable: string, value: string): readonly ProcessIdentity[] {
  const entry = `${variable}=${value}`;
  const found: ProcessIdentity[] = [];
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const identity = identifyProcess(pid);
    if (identity !== undefined && readProc(pid, 'environ').split('\0').includes(entry)) found.push(identity);
  }
  return found;
}

/** This process and those that it descends from. */
export function ownAncestry(): readonly number[] {
  const pids: number[] = [];
  for (let pid = process.pid; pid > 1; ) {
    pids.push(pid);
    const stat = readProc(pid, 'stat');
    pid = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  }
  return pids;
}

/** Sends a signal to those that still run; one that ends in between is as good as ended. */
export function signalProcesses(identities: readonly ProcessIdentity[], signal: NodeJS.Signals): void {
  for (const identity of identities) {
    if (!isRunning(identity)) continue;
    try {
      process.kill(identity.pid, signal);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
    }
  }
}

/** Waits until none of them runs; gives those that still do after `timeoutMs`. */
export async function waitUntilGone(
  identities: readonly ProcessIdentity[],
  timeoutMs: number,
): Promise<readonly ProcessIdentity[]> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const left = identities.filter(isRunning);
    if (left.length === 0 || performance.now() >= deadline) return left;
    await pause(5);
  }
}

/** Empty when the process is gone or is not ours to read. */
function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}
