import { type CommandBuilder, type CommandContext, type CommonOptions, defineCommand } from '#cli/command.ts';
import { type OutputOptions, outputOption } from '#cli/output.ts';
import { startProgress } from '#cli/progress.ts';
import { chooseLab, type LabOption, labOption, requireRoot } from './lab-option.ts';
import { printLab } from './print-lab.ts';

type AddHostOptions = CommonOptions & LabOption & OutputOptions;

/** `weft lab add-host`: the next host joins the running lab. */
export const addHostCommand: CommandBuilder = (context) =>
  defineCommand({
    name: 'add-host',
    summary: 'add a host with agent and Pod to a running lab',
    examples: [
      ['weft lab add-host', 'host4 joins host1 to host3'],
      ['weft lab add-host -o json', 'the lab afterwards, for a program'],
    ],
  })
    .addOption(labOption())
    .addOption(outputOption())
    .action(async (options: AddHostOptions) => addOne(context, options));

async function addOne(context: CommandContext, options: AddHostOptions): Promise<void> {
  requireRoot();
  const [{ addHost }, { matrixFault }, { requireState }] = await Promise.all([
    import('#lab/running-lab.ts'),
    import('#lab/lab-faults.ts'),
    import('#lab/state.ts'),
  ]);
  const name = await chooseLab(options, context.environment);
  using progress = startProgress(context, options);
  const signal = context.catchInterrupt();
  const snapshot = await addHost(name, { ...progress, signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
    context.writeNote(
      `interrupted: the new host stays as far as it got, and goes with the lab: weft lab down --name ${name}\n`,
    );
    return undefined;
  });
  if (snapshot === undefined) return context.finish(130);
  progress.done();
  printLab(context, snapshot, { output: options.output });
  const fault = matrixFault(snapshot, requireState(name).plan);
  if (fault !== undefined) throw fault;
}
