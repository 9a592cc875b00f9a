/**
 * WireGuard in user space, for kernels without it: one `wireguard-go` process for each device. The device, its socket and
 * the process are one life: `ip link delete` or removing the socket ends the process, and the end of the process takes the
 * device along. So there is no pid to keep: a device whose socket answers is in use, whoever started it, and a supervisor
 * need not be its parent. It is started in a session of its own and serves on when the agent is restarted.
 */
import { spawn } from 'node:child_process';
import { accessSync, closeSync, constants, ftruncateSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Fault } from '#runtime/fault.ts';
import { SOCKET_DIRECTORY, socketPath, userSpaceControl } from './user-space-control.ts';

export interface WireguardGoOptions {
  /** Name of the device to be. */
  readonly name: string;
  /**
   * Where its socket is to be. The program itself knows only SOCKET_DIRECTORY, in which one machine has room for one device
   * of that name; for any other directory it runs in a mount namespace of its own, in which this directory stands there.
   */
  readonly directory?: string;
  /** Path of the network namespace; the process's own by default. */
  readonly namespace?: string;
  /** Added to PATH and LOG_LEVEL; nothing else of ours is passed on. */
  readonly environment?: Readonly<Record<string, string>>;
}

const PROGRAM = 'wireguard-go';
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const START_TIMEOUT_MS = 5_000;
const POLL_MS = 10;
const LOG_TAIL_CHARACTERS = 400;

/** Both directories are arguments: no shell ever reads them. */
const BIND = 'mount --bind "$1" "$2" && shift 2 && exec "$@"';

/** Whether the program is on PATH. */
export function hasWireguardGo(path: string = process.env['PATH'] ?? DEFAULT_PATH): boolean {
  return path.split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, PROGRAM), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/**
 * Makes sure that the device is there: `running` when it was. Fault `wireguard.missing` when the program is not installed,
 * `wireguard.device` with its own words when it does not start.
 */
export async function startWireguardGo(options: WireguardGoOptions): Promise<'running' | 'started'> {
  const { name, directory = SOCKET_DIRECTORY } = options;
  const control = userSpaceControl(directory);
  if ((await control.read(name)) !== undefined) return 'running';
  if (!hasWireguardGo()) throw wireguardMissing();
  mkdirSync(directory, { recursive: true, mode: 0o755 });
  mkdirSync(SOCKET_DIRECTORY, { recursive: true, mode: 0o755 });
  const logFile = join(directory, `${name}.log`);
  const end = launch(options, directory, logFile);
  const deadline = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    if ((await control.read(name)) !== undefined) return 'started';
    const ended = end();
    if (ended !== undefined) throw startFault(name, logFile, `it ended with ${ended}`);
    if (performance.now() > deadline) throw startFault(name, logFile, `it was not ready after ${START_TIMEOUT_MS} ms`);
    await pause(POLL_MS);
  }
}

/** Ends the process of a device, and the device with it, within a moment; false when there is none. */
export async function stopWireguardGo(name: string, directory: string = SOCKET_DIRECTORY): Promise<boolean> {
  const control = userSpaceControl(directory);
  if ((await control.read(name)) === undefined) return false;
  rmSync(socketPath(name, directory), { force: true });
  return true;
}

export function wireguardMissing(): Fault {
  return new Fault('wireguard.missing', {
    what: 'neither this kernel nor an installed program has WireGuard',
    why: `the kernel does not know the family wireguard, and ${PROGRAM} is not on PATH`,
  });
}

/** Tells how it ended, once it has. */
function launch(options: WireguardGoOptions, directory: string, logFile: string): () => string | undefined {
  const { PATH = DEFAULT_PATH } = process.env;
  const [command = '', ...parameters] = programArgv(options, directory);
  // Appending, so that cutting the file off at the next start or adoption does not leave a hole of the old length.
  const log = openSync(logFile, 'a', 0o600);
  ftruncateSync(log);
  let ended: string | undefined;
  const child = spawn(command, parameters, {
    detached: true,
    stdio: ['ignore', log, log],
    cwd: '/',
    env: { ...options.environment, PATH, LOG_LEVEL: 'error' },
  });
  closeSync(log);
  child.on('error', (error) => {
    ended = error.message;
  });
  child.on('exit', (code, signal) => {
    ended = signal === null ? `exit code ${code}` : `signal ${signal}`;
  });
  child.unref();
  return () => ended;
}

/** `-f`: the program stays the process that was started. The variable WG_PROCESS_FOREGROUND makes it fork for ever. */
function programArgv({ name, namespace }: WireguardGoOptions, directory: string): readonly string[] {
  const program = [PROGRAM, '-f', name];
  const apart = ['unshare', '--mount', '--', 'sh', '-c', BIND, 'sh', directory, SOCKET_DIRECTORY, ...program];
  const inPlace = directory === SOCKET_DIRECTORY ? program : apart;
  return namespace === undefined ? inPlace : ['nsenter', `--net=${namespace}`, '--', ...inPlace];
}

function startFault(name: string, logFile: string, why: string): Fault {
  let words = '';
  try {
    words = readFileSync(logFile, 'utf8')
      .replaceAll(/[\u2500-\u257f]+/g, '')
      .trim()
      .slice(-LOG_TAIL_CHARACTERS);
  } catch {
    // The log is only an addition.
  }
  return new Fault('wireguard.device', {
    what: `${PROGRAM} could not make the device ${name}`,
    where: logFile,
    why: words === '' ? why : `${why}: ${words}`,
    remedy: 'check that /dev/net/tun is there, that no other device has the name, and that the agent is root',
  });
}
