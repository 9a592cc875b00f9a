import { type CommandBuilder, type CommandContext, type CommonOptions, defineCommand } from '#cli/command.ts';
import { downEtcdCommand } from './etcd.ts';
import { chooseLab, type LabOption, labOption, requireRoot } from './lab-option.ts';

interface DownOptions extends CommonOptions, LabOption {
  readonly all?: boolean;
}

/** `weft lab down`: removes what the lab made and nothing else; nothing to remove is no failure. */
export const downCommand: CommandBuilder = (context) =>
  defineCommand({
    name: 'down',
    summary: 'remove a lab: processes, namespaces, files; or kill its etcd alone',
    examples: [
      ['weft lab down --all', 'removes every lab on this machine'],
      ['weft lab down etcd', 'kills the etcd of the lab; everything else stays'],
    ],
  })
    .addCommand(downEtcdCommand(context))
    .addOption(labOption())
    .option('--all', 'every lab')
    .action(async (options: DownOptions) => down(context, options));

async function down(context: CommandContext, options: DownOptions): Promise<void> {
  requireRoot();
  const [{ destroyLab }, { listLabs }] = await Promise.all([import('#lab/destroy-lab.ts'), import('#lab/state.ts')]);
  const names =
    options.all === true ? listLabs().map((lab) => lab.plan.name) : [await chooseLab(options, context.environment)];
  if (names.length === 0) context.write('there is no lab: nothing to remove\n');
  const failures: unknown[] = [];
  for (const name of names) {
    try {
      const done = await destroyLab(name);
      if (done === undefined) {
        context.write(`there is no lab named ${name}: nothing to remove\n`);
        continue;
      }
      const things = `${done.processes} processes, ${done.namespaces.length} namespaces and ${done.directory}`;
      context.write(`lab ${name}: removed ${things}\n`);
      for (const foreign of done.foreign)
        context.write(`left alone, since another one has taken its name: namespace ${foreign}\n`);
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}
