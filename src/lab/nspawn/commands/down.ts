import { type CommandBuilder, type CommandContext, type CommonOptions, defineCommand } from '#cli/command.ts';
import { requireRoot } from '#lab/commands/lab-option.ts';
import { chooseSet, type SetOption, setOption } from './set-option.ts';

interface DownOptions extends CommonOptions, SetOption {
  readonly all?: boolean;
}

/** `weft lab machines down`: shuts them down and removes what was made for them; nothing to remove is no failure. */
export const downCommand: CommandBuilder = (context) =>
  defineCommand({
    name: 'down',
    summary: 'shut the machines down and remove them with their disks',
    examples: [
      ['weft lab machines down', 'the only machines, or the ones named machines'],
      ['weft lab machines down --all', 'all machines on this computer'],
    ],
  })
    .addOption(setOption())
    .option('--all', 'all sets of machines')
    .action(async (options: DownOptions) => down(context, options));

async function down(context: CommandContext, options: DownOptions): Promise<void> {
  requireRoot();
  const [{ destroySet }, { listSets }] = await Promise.all([
    import('#lab/nspawn/destroy-set.ts'),
    import('#lab/nspawn/set-state.ts'),
  ]);
  const names = options.all === true ? listSets().map(({ plan }) => plan.name) : [await chooseSet(options)];
  if (names.length === 0) context.write('there are no machines: nothing to remove\n');
  const failures: unknown[] = [];
  for (const name of names) {
    try {
      const done = await destroySet(name, { orderly: true });
      if (done === undefined) {
        context.write(`there are no machines named ${name}: nothing to remove\n`);
        continue;
      }
      const things = `${done.machines} machines, ${done.namespaces.length} namespaces and ${done.directory}`;
      context.write(`machines ${name}: removed ${things}\n`);
      for (const foreign of done.foreign) {
        context.write(`left alone, since another one has taken its name: namespace ${foreign}\n`);
      }
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}
