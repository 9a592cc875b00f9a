/**
 * Commands of other programs, as data: an argument vector that no shell ever reads, what goes to standard input, and why
 * it is run. Output and time are bounded. An exit code is an answer; a program that cannot be started, hangs or floods is
 * a Fault.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { Fault } from './fault.ts';

export interface Command {
  /** Program and arguments; the program is looked up on PATH. */
  readonly argv: readonly string[];
  readonly stdin?: string;
  /** Variables on top of this process's own. Secrets go here or to standard input, never into argv. */
  readonly environment?: Readonly<Record<string, string>>;
  /** What it is for, as in "make the namespaces": the subject of the error message. */
  readonly why: string;
  /** Default 30,000. */
  readonly timeoutMs?: number;
}

export interface CommandOutput {
  /** Exit code; 128 + the signal's number when a signal ended it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const DEFAULT_TIMEOUT_MS = 30_000;
const OUTPUT_LIMIT_BYTES = 16 * 1024 * 1024;
const STDERR_TAIL_CHARACTERS = 800;

/** Runs it to its end; throws Fault `command.failed` when it cannot be started, takes too long or prints too much. */
export function runCommand(command: Command): Promise<CommandOutput> {
  const [program = '', ...parameters] = command.argv;
  const timeoutMs = command.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  return new Promise((resolve, reject) => {
    const child = spawn(program, parameters, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...command.environment },
    });
    const stdout = new BoundedText();
    const stderr = new BoundedText();
    let broken: string | undefined;
    const give = (reason: string): void => {
      broken ??= reason;
      child.kill('SIGKILL');
      // What it has started may live on and hold these open.
      child.stdout.destroy();
      child.stderr.destroy();
    };
    const timer = setTimeout(() => give(`it did not end within ${timeoutMs} ms`), timeoutMs);
    child.stdout.on('data', (chunk: Buffer) => stdout.add(chunk) || give('it printed more than 16 MiB'));
    child.stderr.on('data', (chunk: Buffer) => stderr.add(chunk) || give('it printed more than 16 MiB'));
    child.on('error', (cause) => {
      clearTimeout(timer);
      reject(commandFault(command, { why: startFailure(program, cause), cause }));
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const output = { code: code ?? 128 + signalNumber(signal), stdout: stdout.text(), stderr: stderr.text() };
      if (broken === undefined) resolve(output);
      else reject(commandFault(command, { why: joinReasons(broken, tail(output.stderr)) }));
    });
    // A program that ends without reading its input is judged by its exit code, not by the broken pipe.
    child.stdin.on('error', () => {});
    child.stdin.end(command.stdin ?? '');
  });
}

/** `runCommand` for a command that has to succeed: any exit code but 0 is a Fault with the end of its standard error. */
export async function mustRun(command: Command): Promise<CommandOutput> {
  const output = await runCommand(command);
  if (output.code === 0) return output;
  const words = tail(output.stderr) || tail(output.stdout) || 'it printed nothing';
  throw commandFault(command, { why: joinReasons(`exit code ${output.code}`, words) });
}

/** The command line as a person would type it; only for reading, never for a shell. */
export function formatArgv(argv: readonly string[]): string {
  return argv.map((word) => (/^[\w./:@,=+%-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(' ');
}

function commandFault(command: Command, detail: { readonly why: string; readonly cause?: unknown }): Fault {
  return new Fault('command.failed', { what: `could not ${command.why}`, where: formatArgv(command.argv), ...detail });
}

function startFailure(program: string, cause: Error): string {
  const missing = 'code' in cause && cause.code === 'ENOENT';
  return missing ? `${program} is not installed or not on PATH` : `${program} cannot be started: ${cause.message}`;
}

function joinReasons(first: string, second: string): string {
  return second === '' ? first : `${first}: ${second}`;
}

function tail(text: string): string {
  return text.trim().slice(-STDERR_TAIL_CHARACTERS);
}

function signalNumber(signal: NodeJS.Signals | null): number {
  return signal === null ? 0 : constants.signals[signal];
}

/** Collects chunks up to the limit; decoding waits for the end, so that no character is cut between two chunks. */
class BoundedText {
  #chunks: Buffer[] = [];
  #bytes = 0;

  /** Whether the chunk still fitted. */
  add(chunk: Buffer): boolean {
    this.#bytes += chunk.length;
    if (this.#bytes > OUTPUT_LIMIT_BYTES) return false;
    this.#chunks.push(chunk);
    return true;
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString('utf8');
  }
}
