/** Starts a program that is to outlive us, in a namespace, with its output in a file. */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { enterNamespace } from '#hosts/namespace.ts';
import { Fault } from '#runtime/fault.ts';
import { identifyProcess, type ProcessIdentity } from './process-identity.ts';

export interface DetachedProgram {
  readonly namespace: string;
  readonly argv: readonly string[];
  /** The whole environment: nothing of ours is inherited but PATH. */
  readonly environment: Readonly<Record<string, string>>;
  readonly logFile: string;
}

export interface DetachedProcess {
  readonly identity: ProcessIdentity;
  /** Settles when it ends, with how; as long as somebody here waits for it. */
  readonly ended: Promise<string>;
}

/** In a session of its own, so that Ctrl-C in our terminal does not reach it. nsenter becomes the program: same pid. */
export function startDetached(program: DetachedProgram): DetachedProcess {
  const [command = '', ...parameters] = enterNamespace(program.namespace, program.argv);
  const log = openSync(program.logFile, 'a', 0o640);
  const { PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' } = process.env;
  const child = spawn(command, parameters, {
    detached: true,
    stdio: ['ignore', log, log],
    env: { PATH, ...program.environment },
  });
  closeSync(log);
  child.unref();
  const ended = new Promise<string>((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('exit', (code, signal) => resolve(signal === null ? `exit code ${code}` : `signal ${signal}`));
  });
  const identity = child.pid === undefined ? undefined : identifyProcess(child.pid);
  if (identity !== undefined) return { identity, ended };
  throw new Fault('command.failed', { what: `${program.argv[0]} could not be started`, where: program.namespace });
}
