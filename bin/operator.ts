/** The operator's face: which commands there are, and the process as their context. */
import { createInterface } from 'node:readline/promises';
import { text } from 'node:stream/consumers';
import { certsCommand } from '#certs/commands.ts';
import type { CommandBuilder, CommandContext } from '#cli/command.ts';
import { completionCommand } from '#cli/commands/completion.ts';
import { helpCommand } from '#cli/commands/help.ts';
import { leaseCommand } from '#cli/commands/lease.ts';
import { networkCommand } from '#cli/commands/network.ts';
import { statusCommand } from '#cli/commands/status.ts';
import { versionCommand } from '#cli/commands/version.ts';
import { runOperator } from '#cli/main.ts';
import { cniCommand } from '#cni/commands.ts';
import { dockerCommand, dockerOptsCommand } from '#docker/commands.ts';
import { initCommand } from '#inventory/commands.ts';
import { labCommand } from '#lab/commands.ts';

/** Every command, in the order in which `weft --help` lists them. */
export const COMMANDS: readonly CommandBuilder[] = [
  statusCommand,
  networkCommand,
  leaseCommand,
  certsCommand,
  cniCommand,
  dockerCommand,
  dockerOptsCommand,
  initCommand,
  labCommand,
  completionCommand,
  versionCommand,
  helpCommand,
];

/** Runs one command line of the operator; the code is for the process to exit with. */
export async function runOperatorFace(argv: readonly string[], host: NodeJS.Process): Promise<number> {
  // A reader that has enough (`| head`) is no failure of ours.
  host.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') host.exit(0);
    throw error;
  });
  let finished = 0;
  const interrupt = new AbortController();
  let caught = false;
  const onInterrupt = (): void => {
    if (caught && !interrupt.signal.aborted) interrupt.abort();
    else host.exit(130);
  };
  host.on('SIGINT', onInterrupt);
  const colours = (host.stdout.isTTY ?? false) && host.stdout.hasColors(host.env);
  const context: CommandContext = {
    environment: host.env,
    terminal: { colours, interactive: host.stderr.isTTY ?? false, columns: host.stdout.columns ?? 80 },
    write: (line) => void host.stdout.write(line),
    writeNote: (line) => void host.stderr.write(line),
    readInput: () => text(host.stdin),
    ask: (question) => askOnTerminal(host, question),
    connectEtcd: async (options) => (await import('#etcd/client.ts')).connectEtcd(options),
    connectEtcdV2: async (options) => (await import('#etcd/v2-client.ts')).connectEtcdV2(options),
    finish: (code) => {
      finished = code;
    },
    catchInterrupt: () => {
      caught = true;
      return interrupt.signal;
    },
  };
  const code = await runOperator(context, argv, COMMANDS);
  host.off('SIGINT', onInterrupt);
  if (interrupt.signal.aborted) return 130;
  return code === 0 ? finished : code;
}

/** Started as mk-docker-opts.sh, which takes its options and ends in its own way. */
export async function runDockerOptionsFace(argv: readonly string[], host: NodeJS.Process): Promise<number> {
  const { runDockerOptionsScript } = await import('#docker/script.ts');
  const { listHostRoutes } = await import('#docker/make-docker-options.ts');
  const writeError = (text: string): void => void host.stderr.write(text);
  return runDockerOptionsScript(argv, { environment: host.env, writeError, listRoutes: listHostRoutes });
}

async function askOnTerminal(host: NodeJS.Process, question: string): Promise<string | undefined> {
  if (!host.stdin.isTTY || !host.stderr.isTTY) return undefined;
  const terminal = createInterface({ input: host.stdin, output: host.stderr });
  try {
    return await terminal.question(question);
  } finally {
    terminal.close();
  }
}
