import { type CommandBuilder, type CommandContext, type CommonOptions, defineCommand } from '#cli/command.ts';
import { type OutputOptions, outputOption } from '#cli/output.ts';
import { chooseLab, type LabOption, labOption, requireRoot } from './lab-option.ts';
import { printLab } from './print-lab.ts';

interface StatusOptions extends CommonOptions, LabOption, OutputOptions {
  readonly ping?: boolean;
  readonly draw?: boolean;
}

/** `weft lab status`: how the lab is now; exit code 1 when something in it is broken. */
export const statusCommand: CommandBuilder = (context) =>
  defineCommand({
    name: 'status',
    summary: 'hosts, agents, leases, etcd members and Pods of a lab',
    examples: [
      ['weft lab status', 'who runs, who has which lease'],
      ['weft lab status --ping --draw', 'with the Pod matrix and the picture'],
    ],
  })
    .addOption(labOption())
    .option('--ping', 'let every Pod ping every other')
    .option('--draw', 'draw it')
    .addOption(outputOption())
    .action(async (options: StatusOptions) => status(context, options));

async function status(context: CommandContext, options: StatusOptions): Promise<void> {
  requireRoot();
  const [{ observeLab, settleMatrices }, { requireState }, { matricesOf, snapshotProblems }, { lostPairs }] =
    await Promise.all([
      import('#lab/observe.ts'),
      import('#lab/state.ts'),
      import('#lab/snapshot.ts'),
      import('#lab/matrix.ts'),
    ]);
  const state = requireState(await chooseLab(options, context.environment));
  const matrices = options.ping === true ? await settleMatrices(state, 0) : {};
  const snapshot = await observeLab(state, matrices);
  const { directory } = state.plan;
  printLab(context, snapshot, {
    output: options.output,
    drawing: options.draw === true,
    more: { phase: state.phase, directory },
  });
  const lost = matricesOf(matrices).flatMap(({ matrix }) => lostPairs(matrix)).length;
  if (snapshotProblems(snapshot).length + lost > 0) context.finish(1);
}
