/** `weft docker …`: docker on the lease of its host; and `weft docker-opts`, which units start for that. */
import type { Command } from 'commander';
import { type CommandBuilder, type CommandContext, defineCommand, defineGroup } from '#cli/command.ts';
import { dockerStatusCommand } from './commands/status.ts';
import { unwireCommand } from './commands/unwire.ts';
import { wireCommand } from './commands/wire.ts';
import { DEFAULT_REQUEST, listHostRoutes, makeDockerOptions } from './make-docker-options.ts';

interface Flags {
  readonly subnetFile: string;
  readonly dockerFile: string;
  readonly individual?: boolean;
  readonly combined?: boolean;
  readonly omitIpMasq?: boolean;
  readonly key: string;
  readonly quiet?: boolean;
  readonly daemonJson?: string;
}

export const dockerCommand: CommandBuilder = (context) =>
  defineGroup(
    {
      name: 'docker',
      summary: "docker's bridge on the lease of this host",
      examples: [
        ['weft docker wire --dry-run', 'what would be written, as a diff'],
        ['weft docker status', 'which subnet docker really has, and why'],
      ],
    },
    [wireCommand(context), unwireCommand(context), dockerStatusCommand(context)],
  );

export function dockerOptsCommand(context: CommandContext): Command {
  const command = defineCommand({
    name: 'docker-opts',
    summary: 'write the options by which docker takes over the subnet of this host, as mk-docker-opts.sh does',
    examples: [
      ['weft docker-opts -k DOCKER_NETWORK_OPTIONS -d /run/flannel/docker', 'as units start it after flanneld'],
      ['weft docker-opts -c -d /dev/stdout', 'only the combined variable, to look at'],
    ],
  })
    .option('-f, --subnet-file <file>', 'subnet file of the agent', DEFAULT_REQUEST.subnetFile)
    .option('-d, --docker-file <file>', 'file to write', DEFAULT_REQUEST.optionsFile)
    .option('-i, --individual', 'write a variable for each option (without -i and -c: both)')
    .option('-c, --combined', 'write one variable that holds all options')
    .option('-m, --omit-ip-masq', 'leave out --ip-masq, which an old docker does not know')
    .option('-k, --key <name>', 'name of the combined variable', DEFAULT_REQUEST.key)
    .option('--daemon-json <file>', "in place of all that: bip, mtu and ip-masq in docker's configuration file");
  return command.action(async () => {
    const flags = command.opts<Flags>();
    const request = {
      subnetFile: flags.subnetFile,
      optionsFile: flags.dockerFile,
      individual: flags.individual === true,
      combined: flags.combined === true,
      masquerade: flags.omitIpMasq !== true,
      key: flags.key,
    };
    if (flags.daemonJson !== undefined) {
      const { writeDaemonJson } = await import('./wire/write-daemon-json.ts');
      const changed = await writeDaemonJson(flags.subnetFile, flags.daemonJson, listHostRoutes);
      if (flags.quiet !== true)
        context.writeNote(`${changed ? 'wrote' : 'nothing to change in'} ${flags.daemonJson}\n`);
      return;
    }
    await makeDockerOptions(request, context.environment, listHostRoutes);
    if (flags.quiet !== true) context.writeNote(`wrote ${flags.dockerFile}\n`);
  });
}
