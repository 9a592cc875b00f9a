/** One etcd process: its flags, its directory, its start and its end. */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

export interface EtcdMemberOptions {
  readonly name: string;
  /** IPv4 address to listen on. */
  readonly address: string;
  /** Name of the network namespace to run in (under /run/netns); default: the caller's. */
  readonly namespace?: string;
  /** Default 2379. */
  readonly clientPort?: number;
  /** Default 2380. */
  readonly peerPort?: number;
}

export interface EtcdMember {
  readonly name: string;
  readonly pid: number;
  /** When the process began, in clock ticks since boot: a pid alone may be another process's by now. */
  readonly startTicks: number;
  readonly endpoint: string;
  /** `unix:///…`: the same member, from any network namespace, without TLS, for root only. */
  readonly localEndpoint: string;
  readonly directory: string;
  readonly logFile: string;
}

export interface MemberSettings {
  readonly directory: string;
  readonly dataDirectory: string;
  /** All members: `name=peerUrl,…`. */
  readonly initialCluster: string;
  readonly tlsDirectory: string | undefined;
  readonly detached: boolean;
  readonly flags: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

export interface StartedMember {
  readonly member: EtcdMember;
  /** Whether the process has ended by itself. */
  readonly ended: () => boolean;
}

/** etcd names a unix socket after the host and port of its URL and makes it in its working directory. */
const SOCKET_NAME = 'client:1';

export function peerUrl(member: EtcdMemberOptions, tls: boolean): string {
  return `${tls ? 'https' : 'http'}://${member.address}:${member.peerPort ?? 2380}`;
}

/** Starts the process; it is not ready yet. */
export async function startMember(options: EtcdMemberOptions, settings: MemberSettings): Promise<StartedMember> {
  const directory = join(settings.directory, options.name);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  // What a killed member leaves behind would keep etcd from listening.
  await rm(join(directory, SOCKET_NAME), { force: true });
  const logFile = join(directory, 'etcd.log');
  const argv = ['etcd', ...memberFlags(options, settings)];
  if (options.namespace !== undefined) argv.unshift('nsenter', `--net=/run/netns/${options.namespace}`);
  const { PATH } = process.env;
  const log = openSync(logFile, 'a', 0o600);
  const [command = '', ...args] = argv;
  const child = spawn(command, args, {
    cwd: directory,
    detached: settings.detached,
    stdio: ['ignore', log, log],
    // etcd takes ETCD_… for flags: what the caller has set for etcdctl must not reach it.
    env: { PATH, ...settings.environment },
  });
  closeSync(log);
  let ended = false;
  child.once('exit', () => {
    ended = true;
  });
  await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject));
  if (settings.detached) child.unref();
  const { pid } = child;
  if (pid === undefined) throw new Error('a process that was spawned has a pid');
  const scheme = settings.tlsDirectory === undefined ? 'http' : 'https';
  const member = {
    name: options.name,
    pid,
    startTicks: startTicksOf(pid) ?? 0,
    endpoint: `${scheme}://${options.address}:${options.clientPort ?? 2379}`,
    localEndpoint: `unix://${join(directory, SOCKET_NAME)}`,
    directory,
    logFile,
  };
  return { member, ended: () => ended };
}

function memberFlags(options: EtcdMemberOptions, settings: MemberSettings): string[] {
  const { tlsDirectory } = settings;
  const peer = peerUrl(options, tlsDirectory !== undefined);
  const scheme = tlsDirectory === undefined ? 'http' : 'https';
  const client = `${scheme}://${options.address}:${options.clientPort ?? 2379}`;
  return [
    `--name=${options.name}`,
    `--data-dir=${join(settings.dataDirectory, options.name, 'data')}`,
    `--listen-client-urls=${client},unix://${SOCKET_NAME}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=${settings.initialCluster}`,
    // A lone member elects itself after one to two time-outs; three on a busy machine must not lose their leader.
    ...(settings.initialCluster.includes(',')
      ? ['--heartbeat-interval=100', '--election-timeout=1000', '--pre-vote=true']
      : ['--heartbeat-interval=20', '--election-timeout=200']),
    '--logger=zap',
    '--log-outputs=stderr',
    '--log-level=warn',
    ...(tlsDirectory === undefined ? [] : tlsFlags(options.name, tlsDirectory)),
    ...settings.flags,
  ];
}

function tlsFlags(name: string, directory: string): string[] {
  const files = {
    'trusted-ca-file': join(directory, 'ca.pem'),
    'cert-file': join(directory, `${name}.pem`),
    'key-file': join(directory, `${name}-key.pem`),
  };
  return ['', 'peer-'].flatMap((kind) => [
    `--${kind}client-cert-auth=true`,
    ...Object.entries(files).map(([flag, path]) => `--${kind}${flag}=${path}`),
  ]);
}

/** The end of a member's log, for messages. */
export function logTail(logFile: string, lines = 8): string {
  try {
    return readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  } catch {
    return '';
  }
}

/** Ends these processes and no others: SIGTERM, then SIGKILL for those that are still there after `limitMs`. */
export async function endMembers(members: readonly MemberProcess[], limitMs = 500): Promise<void> {
  signalMembers(members, 'SIGTERM');
  const deadline = performance.now() + limitMs;
  while (members.some(isRunning) && performance.now() < deadline) await pause(10);
  signalMembers(members, 'SIGKILL');
  while (members.some(isRunning)) await pause(5);
}

/** What tells one process from a later one with the same pid. */
export type MemberProcess = Pick<EtcdMember, 'pid' | 'startTicks'>;

/** Sends the signal to those that are running. */
export function signalMembers(members: readonly MemberProcess[], signal: NodeJS.Signals): void {
  for (const member of members.filter(isRunning)) process.kill(member.pid, signal);
}

function isRunning({ pid, startTicks }: MemberProcess): boolean {
  return startTicksOf(pid) === startTicks;
}

/** Field 22 of /proc/PID/stat (proc_pid_stat(5)); undefined when there is no such process or it is a zombie. */
function startTicksOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : Number(fields[19]);
  } catch {
    return undefined;
  }
}
