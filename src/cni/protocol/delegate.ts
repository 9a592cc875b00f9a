/**
 * Calls another plugin, as the CNI specification has delegation: found in CNI_PATH, started without a shell, with our
 * environment and the configuration on standard input. Time and output are bounded; however it ends, the answer is its
 * standard output or a CniError that says what happened.
 */
import { spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { memberOf } from '#model/json-document.ts';
import { parseObject, textMember } from './configuration.ts';
import { CNI_CODES, CniError } from './error.ts';
import type { Environment } from './request.ts';

export interface DelegateCall {
  /** The plugin's name, which is the name of its file. */
  readonly type: string;
  /** Folders to look in, in order. */
  readonly path: readonly string[];
  /** All that it gets; CNI_COMMAND says what it is to do. */
  readonly environment: Environment;
  /** Its configuration, JSON. */
  readonly input: string;
  readonly timeoutMs?: number;
  /** Gets what it writes to standard error, as it comes. */
  readonly writeError?: (text: string) => void;
}

/** A DHCP exchange takes a minute at worst; runtimes give up after two or four. */
export const DELEGATE_TIMEOUT_MS = 100_000;
const OUTPUT_LIMIT_BYTES = 4 * 1024 * 1024;
const STDERR_TAIL_CHARACTERS = 600;

/** Its file; throws CniError with the text that Go's plugins have for it, which operators search for. */
export function findPlugin(type: string, path: readonly string[]): string {
  if (type === '' || type.includes('/') || type === '.' || type === '..') {
    throw new CniError(CNI_CODES.invalidConfiguration, `invalid plugin name: ${type}`);
  }
  for (const folder of path) {
    const file = `${folder}/${type}`;
    if (isFile(file)) return file;
  }
  const details =
    'install it there (Debian: package containernetworking-plugins, in /usr/lib/cni), or run: weft cni install';
  throw new CniError(CNI_CODES.internal, `failed to find plugin "${type}" in path [${path.join(' ')}]`, details);
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    // Not there, or a folder on the way is none.
    return false;
  }
}

/**
 * Runs it to its end and returns its standard output. A refusal is thrown as CniError with the plugin's own code, message
 * and details; anything else that is no success (not found, killed, hung, flooding, no JSON) as one of ours.
 */
export async function callDelegate(call: DelegateCall): Promise<string> {
  const file = findPlugin(call.type, call.path);
  const { code, signal, stdout, stderr, broken } = await run(file, call);
  if (broken !== undefined) throw failed(`plugin ${call.type} ${broken}`, stderr);
  if (signal !== null) throw failed(`plugin ${call.type} was ended by ${signal}`, stderr);
  if (code === 0) return stdout;
  throw (
    refusal(stdout) ??
    failed(`plugin ${call.type} ended with exit code ${code} and without a CNI error`, stderr || stdout)
  );
}

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Why it was ended by us, or could not start. */
  readonly broken?: string;
}

function run(file: string, call: DelegateCall): Promise<Ended> {
  const timeoutMs = call.timeoutMs ?? DELEGATE_TIMEOUT_MS;
  return new Promise((resolve) => {
    // A process group of its own: what hangs may be a plugin that it has called in turn.
    const child = spawn(file, [], { env: call.environment, stdio: ['pipe', 'pipe', 'pipe'], detached: true });
    const chunks: Buffer[] = [];
    let bytes = 0;
    let stderr = '';
    let broken: string | undefined;
    const end = (reason: string): void => {
      broken ??= reason;
      if (child.pid !== undefined) killGroup(child.pid);
      child.stdout.destroy();
      child.stderr.destroy();
    };
    const timer = setTimeout(() => end(`did not end within ${timeoutMs} ms`), timeoutMs);
    child.stdout.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > OUTPUT_LIMIT_BYTES) end(`printed more than ${OUTPUT_LIMIT_BYTES / 1024 / 1024} MiB`);
      else chunks.push(chunk);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      const text = chunk.toString();
      call.writeError?.(text);
      stderr = (stderr + text).slice(-STDERR_TAIL_CHARACTERS);
    });
    const finish = (ended: Pick<Ended, 'code' | 'signal'>): void => {
      clearTimeout(timer);
      const stdout = Buffer.concat(chunks).toString();
      resolve({ ...ended, stdout, stderr: stderr.trim(), ...(broken !== undefined && { broken }) });
    };
    child.on('error', (error) => {
      broken ??= `cannot be started: ${error.message}`;
      finish({ code: null, signal: null });
    });
    child.on('close', (code, signal) => finish({ code, signal }));
    // A plugin that ends without reading its input is judged by how it ends.
    child.stdin.on('error', () => {});
    child.stdin.end(call.input);
  });
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}

/** The error that a plugin has printed; undefined when it is none. */
function refusal(stdout: string): CniError | undefined {
  try {
    const members = parseObject(stdout, 'error');
    const code = memberOf(members, 'code');
    const message = textMember(members, 'msg') ?? '';
    const details = textMember(members, 'details') ?? '';
    if (typeof code !== 'number' || (message === '' && details === '')) return undefined;
    return new CniError(code, message, details === '' ? undefined : details);
  } catch {
    return undefined;
  }
}

function failed(message: string, output: string): CniError {
  return new CniError(
    CNI_CODES.delegateFailed,
    message,
    output === '' ? 'it said nothing' : output.slice(-STDERR_TAIL_CHARACTERS),
  );
}
