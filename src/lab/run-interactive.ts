/** Runs a command with our own standard input, output and error, in a namespace or where we are. */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { enterNamespace } from '#hosts/namespace.ts';
import { Fault } from '#runtime/fault.ts';

export interface InteractiveCommand {
  readonly namespace: string;
  readonly argv: readonly string[];
  /** The whole environment. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Its exit code; 128 + the signal's number when a signal ended it; 127 when there is no such program, as in a shell. */
export function runInteractive(command: InteractiveCommand): Promise<number> {
  return runHere(enterNamespace(command.namespace, command.argv), command.environment);
}

/** The same in our own namespace. */
export function runHere(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  const [program = '', ...parameters] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(program, parameters, { stdio: 'inherit', env: environment });
    child.on('error', (cause) => {
      reject(new Fault('command.failed', { what: `${program} could not be started`, why: cause.message, cause }));
    });
    child.on('exit', (code, signal) => resolve(signal === null ? (code ?? 0) : 128 + constants.signals[signal]));
  });
}
