import { type CommandBuilder, type CommandContext, type CommonOptions, defineCommand } from '#cli/command.ts';
import { type OutputOptions, outputOption } from '#cli/output.ts';
import { requireRoot } from '#lab/commands/lab-option.ts';
import { printSet } from './print-set.ts';
import { chooseSet, type SetOption, setOption } from './set-option.ts';

interface StatusOptions extends CommonOptions, SetOption, OutputOptions {}

/** `weft lab machines status`: how they are now; exit code 1 when one of them is not as it should be. */
export const statusCommand: CommandBuilder = (context) =>
  defineCommand({
    name: 'status',
    summary: 'which machines run, what systemd says in each, and which snapshots there are',
    examples: [
      ['weft lab machines status', 'a line for each machine'],
      ['weft lab machines status -o json', 'with addresses, machine ids and the file for ssh -F'],
    ],
  })
    .addOption(setOption())
    .addOption(outputOption())
    .action(async (options: StatusOptions) => status(context, options));

async function status(context: CommandContext, options: StatusOptions): Promise<void> {
  requireRoot();
  const [{ observeSet, setProblems }, { requireSetState }] = await Promise.all([
    import('#lab/nspawn/observe-set.ts'),
    import('#lab/nspawn/set-state.ts'),
  ]);
  const snapshot = await observeSet(requireSetState(await chooseSet(options)));
  printSet(context, snapshot, options.output);
  if (setProblems(snapshot).length > 0) context.finish(1);
}
