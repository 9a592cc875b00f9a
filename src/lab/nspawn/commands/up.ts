import { type CommandBuilder, type CommandContext, type CommonOptions, defineCommand } from '#cli/command.ts';
import { type OutputOptions, outputOption } from '#cli/output.ts';
import { requireRoot } from '#lab/commands/lab-option.ts';
import { Fault } from '#runtime/fault.ts';
import { printSet } from './print-set.ts';
import { DEFAULT_SET, withProgress } from './set-option.ts';

interface UpOptions extends CommonOptions, OutputOptions {
  readonly name: string;
  readonly packages?: string;
  readonly internet?: boolean;
}

/** `weft lab machines up`: real hosts, from nothing until they answer by SSH. */
export const upCommand: CommandBuilder = (context) =>
  defineCommand({
    name: 'up [number]',
    summary: 'start machines (3 if no number is given) and wait until they answer by SSH',
    examples: [
      ['weft lab machines up 3', 'three bare Debian hosts: systemd, sshd, nothing else'],
      ['weft lab machines up 7 --name blue --packages docker.io', 'seven more beside them, with docker installed'],
    ],
  })
    .option('--name <set>', 'name of the set', DEFAULT_SET)
    .option('--packages <names>', 'further Debian packages in their base image, separated by commas')
    .option('--internet', 'they reach the internet (apt works), through a network stack in a process of its own')
    .addOption(outputOption())
    .action(async (number: string | undefined, options: UpOptions) => up(context, number ?? '3', options));

async function up(context: CommandContext, number: string, options: UpOptions): Promise<void> {
  requireRoot();
  const [{ createSet }, { observeSet }, { readSetState }] = await Promise.all([
    import('#lab/nspawn/create-set.ts'),
    import('#lab/nspawn/observe-set.ts'),
    import('#lab/nspawn/set-state.ts'),
  ]);
  if (!/^\d+$/.test(number)) {
    throw new Fault('usage.flag', { what: `${JSON.stringify(number)} is not a number of machines` });
  }
  const { name } = options;
  const packages = (options.packages ?? '').split(',').filter(Boolean);
  const request = { name, count: Number(number), packages, internet: options.internet === true };
  const existed = readSetState(name) !== undefined;
  const signal = context.catchInterrupt();
  try {
    const { result, seconds } = await withProgress(context, options, (control) => createSet(request, control));
    const snapshot = await observeSet(result);
    printSet(context, snapshot, options.output);
    if (options.quiet !== true) {
      context.writeNote(`\nup after ${seconds} s. Enter one: ssh -F ${snapshot.sshConfig} m1\n`);
    }
  } catch (error) {
    if (signal.aborted) {
      context.writeNote(`interrupted: everything that was made for the machines ${name} is removed\n`);
      return context.finish(130);
    }
    if (!existed && readSetState(name) !== undefined) {
      context.writeNote(`they are left as they are, for a look; remove them: weft lab machines down --name ${name}\n`);
    }
    throw error;
  }
}
