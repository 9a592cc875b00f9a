/** weft status: how the agent of this host is. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Command } from 'commander';
import { CONTROL_SOCKET_VARIABLE, DEFAULT_CONTROL_SOCKET } from '#agent/control/protocol.ts';
import type { StatusReport } from '#agent/publish/status-report.ts';
import { type CommandContext, type CommonOptions, defineCommand } from '#cli/command.ts';
import { formatData, type OutputOptions, outputOption } from '#cli/output.ts';
import { Fault } from '#runtime/fault.ts';

interface StatusOptions extends CommonOptions, OutputOptions {
  readonly socket?: string;
  readonly watch?: boolean;
}

const REFRESH_MS = 1000;
/** Cursor to the first place, and nothing after it. */
const CLEAR = '\u001b[H\u001b[J';

export function statusCommand(context: CommandContext): Command {
  const command = defineCommand({
    name: 'status',
    summary: 'how the agent of this host is: lease, peers, etcd, troubles; exit code 1 when something is wrong',
    examples: [
      ['weft status', 'one page, the verdict first'],
      ['weft status -o wide', 'with every peer'],
    ],
  })
    .option('--socket <path>', `the agent's control socket (${CONTROL_SOCKET_VARIABLE}, ${DEFAULT_CONTROL_SOCKET})`)
    .option('-w, --watch', 'again each second, until Ctrl-C')
    .addOption(outputOption());
  return command.action(async () => {
    const options = command.opts<StatusOptions>();
    if (options.watch === true) return watch(context, options);
    const { report, text } = await look(context, options);
    context.write(text);
    if (report.verdict.state !== 'ok') context.finish(1);
  });
}

async function look(
  { environment, terminal }: CommandContext,
  { socket, output }: StatusOptions,
): Promise<{ readonly report: StatusReport; readonly text: string }> {
  const [{ askStatusOrExplain }, { renderStatus }] = await Promise.all([
    import('#cli/status/ask-status.ts'),
    import('#cli/status/render-status.ts'),
  ]);
  const path = socket ?? (environment[CONTROL_SOCKET_VARIABLE] || DEFAULT_CONTROL_SOCKET);
  const report = await askStatusOrExplain({ socket: path, peers: output !== 'table' });
  const text =
    output === 'json' || output === 'yaml'
      ? formatData(output, { data: report, rows: [], columns: [] })
      : renderStatus(report, { colours: terminal.colours, wide: output === 'wide' });
  return { report, text };
}

/** The agent may come and go meanwhile: that is what one wants to see. */
async function watch(context: CommandContext, options: StatusOptions): Promise<void> {
  if (!context.terminal.interactive || (options.output !== 'table' && options.output !== 'wide')) {
    throw new Fault('usage.flag', { what: '--watch is for people at a terminal', remedy: 'ask again each time' });
  }
  const signal = context.catchInterrupt();
  while (!signal.aborted) {
    context.write(CLEAR + (await lookOrSay(context, options)));
    // Ctrl-C ends the waiting, which is no failure.
    await pause(REFRESH_MS, undefined, { signal }).catch(() => undefined);
  }
}

async function lookOrSay(context: CommandContext, options: StatusOptions): Promise<string> {
  try {
    return (await look(context, options)).text;
  } catch (error) {
    if (!(error instanceof Fault) || error.exitCode === 2) throw error;
    return `${error}\n`;
  }
}
