/**
 * The bench's own world: a network, mount and process namespace that vanishes whole, with every process, namespace, route
 * and file in it, when its first process ends: at the end, after a failure, on Ctrl-C, even on SIGKILL.
 */
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { constants } from 'node:os';
import { mustRun } from '#runtime/command.ts';
import { Fault } from '#runtime/fault.ts';

const MARK = 'WEFT_BENCH_SANDBOX';

/** Where files go: memory that nobody outside sees. */
export const SANDBOX_DIRECTORY = '/run/weft-bench';
/** The switch that every host and every etcd member is plugged into. */
export const SWITCH = 'br0';
const SWITCH_ADDRESS = '172.20.0.1/16';

export function isInSandbox(): boolean {
  return process.env[MARK] !== undefined;
}

/** Runs this program again, in a sandbox, and gives its exit code. Fault `usage.not-root` for others than root. */
export function runInSandbox(argv: readonly string[]): Promise<number> {
  if (process.getuid?.() !== 0) {
    throw new Fault('usage.not-root', { what: 'the bench makes network namespaces, which only root may' });
  }
  const unshare = ['--net', '--mount', '--propagation=private', '--pid', '--fork', '--kill-child', '--mount-proc'];
  const child = spawn('unshare', [...unshare, '--', process.execPath, ...argv], {
    stdio: 'inherit',
    env: { ...process.env, [MARK]: '1' },
  });
  // unshare is deaf to the polite signals; what it started dies with it.
  const onSignal = (signal: NodeJS.Signals): void => {
    child.kill('SIGKILL');
    process.exitCode = 128 + constants.signals[signal];
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? Number(process.exitCode ?? 1)));
  });
}

/** Inside: memory for files, and the switch. */
export async function furnishSandbox(): Promise<void> {
  const why = 'furnish the sandbox';
  await mustRun({ argv: ['mount', '-t', 'tmpfs', '-o', 'mode=0755', 'weft-bench', '/run'], why });
  mkdirSync(SANDBOX_DIRECTORY, { mode: 0o700 });
  const lines = [
    'link set lo up',
    `link add ${SWITCH} type bridge`,
    `address add ${SWITCH_ADDRESS} dev ${SWITCH}`,
    `link set ${SWITCH} up`,
  ];
  await mustRun({ argv: ['ip', '-batch', '-'], stdin: `${lines.join('\n')}\n`, why });
}
