/** One agent under measurement: started in a host, heard on its NOTIFY_SOCKET, read in /proc, ended by its pid. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { enterNamespace } from '#hosts/namespace.ts';
import { awaitReady } from '#lab/ready.ts';
import { Fault } from '#runtime/fault.ts';
import type { BenchHost } from './hosts.ts';
import type { AgentProgram } from './program.ts';
import type { Store } from './store.ts';

/** As flannel does, so that what a deletion takes can be compared. */
const WITHDRAW_AT_ONCE = ['-withdraw-grace=0', '-withdraw-limit=100'];
const READY_TIMEOUT_MS = 120_000;
const STOP_TIMEOUT_MS = 5_000;
const LOG_TAIL_LINES = 8;

export interface AgentOptions {
  readonly program: AgentProgram;
  readonly store: Store;
  readonly prefix: string;
  readonly host: BenchHost;
  /** On top of those that all agents have. */
  readonly flags?: readonly string[];
}

export interface AgentProcess {
  readonly pid: number;
  readonly host: BenchHost;
  /** Milliseconds from the start of the process to READY=1. A Fault when it ends before that. */
  readonly ready: Promise<number>;
  /** Whether it still is the process that was started. */
  readonly running: () => boolean;
  /** Milliseconds after the start at which the log first says each message. */
  readonly logTimes: () => ReadonlyMap<string, number>;
  /** The milliseconds that the log gives for each pass that wrote something. */
  readonly passTimes: () => readonly number[];
  /** SIGTERM; resolves when it has ended. */
  readonly stop: () => Promise<void>;
}

export function startAgent({ program, store, prefix, host, flags: more = [] }: AgentOptions): AgentProcess {
  const readiness = awaitReady(join(host.directory, 'notify'));
  const logFile = join(host.directory, 'agent.log');
  const flags = [...store.flags, `-etcd-prefix=${prefix}`, '-iface=eth0', `-subnet-file=${subnetFile(host)}`];
  flags.push(...WITHDRAW_AT_ONCE, `-control-socket=${join(host.directory, 'agent.sock')}`, ...more);
  const [command = '', ...parameters] = enterNamespace(host.namespace, [...program.argv, ...flags]);
  const log = openSync(logFile, 'w', 0o600);
  const startedAt = Date.now();
  const startedMs = performance.now();
  const child = spawn(command, parameters, {
    cwd: host.directory,
    stdio: ['ignore', log, log],
    // A variable: programs that know no such flag are measured, too.
    env: {
      ...program.environment,
      NOTIFY_SOCKET: readiness.path,
      FLANNELD_CACHE_FILE: join(host.directory, 'agent-cache.json'),
    },
  });
  closeSync(log);
  const { pid } = child;
  if (pid === undefined) throw new Fault('command.failed', { what: `could not start ${command}` });
  const ready = firstReady(child, readiness.ready, logFile)
    .then(() => performance.now() - startedMs)
    .finally(() => readiness[Symbol.dispose]());
  return {
    pid,
    host,
    ready,
    running: () => child.exitCode === null && child.signalCode === null,
    logTimes: () => logTimes(readFileSync(logFile, 'utf8'), startedAt),
    passTimes: () => passTimes(readFileSync(logFile, 'utf8')),
    stop: () => stop(child),
  };
}

/** Makes the host one that never had an agent, but for its device. */
export function forgetSubnet(host: BenchHost): void {
  rmSync(subnetFile(host), { force: true });
}

function subnetFile(host: BenchHost): string {
  return join(host.directory, 'subnet.env');
}

async function firstReady(child: ChildProcess, ready: Promise<void>, logFile: string): Promise<void> {
  const { promise: failed, reject } = Promise.withResolvers<never>();
  const fail = (why: string): void => {
    const tail = readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-LOG_TAIL_LINES);
    reject(
      new Fault('command.failed', {
        what: 'an agent did not get ready',
        where: logFile,
        why: [why, ...tail].join('\n'),
      }),
    );
  };
  const onExit = (code: number | null, signal: string | null): void => fail(`it ended with ${signal ?? code}`);
  const timer = setTimeout(() => fail(`not within ${READY_TIMEOUT_MS} ms`), READY_TIMEOUT_MS);
  child.once('exit', onExit);
  try {
    await Promise.race([ready, failed]);
  } finally {
    clearTimeout(timer);
    child.off('exit', onExit);
  }
}

function logTimes(log: string, startedAt: number): ReadonlyMap<string, number> {
  const times = new Map<string, number>();
  for (const line of log.split('\n')) {
    const [, time = '', quoted, bare] = /^(\S+) level=\w+ msg=(?:"([^"]*)"|(\S+))/.exec(line) ?? [];
    const message = quoted ?? bare;
    if (message !== undefined && !times.has(message)) times.set(message, Date.parse(time) - startedAt);
  }
  return times;
}

function passTimes(log: string): readonly number[] {
  return [...log.matchAll(/msg="kernel programmed" .*\bms=([\d.]+)/g)].map(([, ms]) => Number(ms));
}

function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    child.once('exit', () => {
      clearTimeout(timer);
      resolve();
    });
    child.kill('SIGTERM');
  });
}
