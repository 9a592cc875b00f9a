import { type CommandBuilder, type CommandContext, type CommonOptions, defineCommand } from '#cli/command.ts';
import { chooseLab, type LabOption, labOption, requireRoot } from './lab-option.ts';

type CableOptions = CommonOptions & LabOption;

/** `weft lab cut`: the host's cable is out of the switch; everything on the host runs on. */
export const cutCommand: CommandBuilder = (context) =>
  defineCommand({
    name: 'cut <host>',
    summary: 'take the cable of a host out of the switch',
    examples: [
      ['weft lab cut host2', 'host2 is alone'],
      ['weft lab cut host3 --name blue', 'in another lab'],
    ],
  })
    .addOption(labOption())
    .action(async (host: string, options: CableOptions) => plug(context, host, options, 'cut'));

/** `weft lab heal`: puts it in again. */
export const healCommand: CommandBuilder = (context) =>
  defineCommand({
    name: 'heal <host>',
    summary: 'put the cable of a host into the switch again',
    examples: [
      ['weft lab heal host2', 'host2 is back'],
      ['weft lab heal host3 --name blue', 'in another lab'],
    ],
  })
    .addOption(labOption())
    .action(async (host: string, options: CableOptions) => plug(context, host, options, 'heal'));

async function plug(
  context: CommandContext,
  hostName: string,
  options: CableOptions,
  verb: 'cut' | 'heal',
): Promise<void> {
  requireRoot();
  const { cutHost, healHost } = await import('#lab/running-lab.ts');
  const change = verb === 'cut' ? cutHost : healHost;
  const host = await change(await chooseLab(options, context.environment), hostName);
  if (options.quiet === true) return;
  context.write(
    verb === 'cut'
      ? `${host.name} (${host.address}) is cut off; put it back: weft lab heal ${host.name}\n`
      : `${host.name} (${host.address}) is plugged in\n`,
  );
}
