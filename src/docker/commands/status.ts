import { type CommandBuilder, type CommandContext, type CommonOptions, defineCommand } from '#cli/command.ts';
import { type OutputOptions, outputOption, printData } from '#cli/output.ts';
import { painter } from '#cli/style.ts';
import type { Column } from '#cli/table.ts';
import { addPlaceOptions, type PlaceFlags, placesOf, unitNamesOf } from '#docker/wire/wire-options.ts';
import type { WireStatus } from '#docker/wire/wire-status.ts';
import { hasOwnDaemon } from './shared.ts';

type StatusFlags = CommonOptions & OutputOptions & PlaceFlags;

interface Line {
  readonly name: string;
  readonly value: string;
}

const COLUMNS: readonly Column<Line>[] = [
  { title: 'what', value: (line) => line.name },
  { title: 'is', value: (line) => line.value },
];

/** `weft docker status`: whether docker is on the lease; exit code 1 when something is not as it should be. */
export const dockerStatusCommand: CommandBuilder = (context) => {
  const command = defineCommand({
    name: 'status',
    summary: 'which network docker really has, against the lease of this host',
    examples: [
      ['weft docker status', 'what is wired, and what is wrong with it'],
      ['weft docker status -o json', 'the same for programs'],
    ],
  });
  return addPlaceOptions(command)
    .addOption(outputOption())
    .action(async (flags: StatusFlags) => status(context, flags));
};

async function status(context: CommandContext, flags: StatusFlags): Promise<void> {
  const [{ readStatus }, { localHost }] = await Promise.all([
    import('#docker/wire/read-status.ts'),
    import('#hosts/local.ts'),
  ]);
  const found = await readStatus(localHost(), placesOf(flags), unitNamesOf(flags), hasOwnDaemon(context));
  printData(context, flags.output, { data: found, rows: linesOf(found), columns: COLUMNS });
  if (found.findings.length > 0) context.finish(1);
  if (flags.output === 'json' || flags.output === 'yaml') return;
  const paint = painter(context.terminal);
  for (const { what, why, remedy } of found.findings) {
    context.write(`${paint('red', '✗')} ${what}\n    why:    ${why}\n    remedy: ${remedy}\n`);
  }
}

function linesOf({ wired, order, lease, docker, docker0, forward, agentUnit }: WireStatus): readonly Line[] {
  const sets = (on: boolean): string => (on ? 'masquerades' : 'does not masquerade');
  const ports = docker0?.ports.length ?? 0;
  return [
    { name: 'wired', value: wired === 'by-hand' ? 'by hand, as the guides do it' : wired },
    { name: 'order', value: `docker ${order.afterAgent ? 'after' : 'not after'} ${agentUnit} (${order.bind})` },
    {
      name: 'lease',
      value: lease === undefined ? 'none' : `${lease.bip}, MTU ${lease.mtu}, the agent ${sets(lease.masquerade)}`,
    },
    {
      name: 'docker',
      value:
        docker === undefined
          ? 'no answer'
          : `${docker.bip ?? 'no bridge'}, MTU ${docker.mtu ?? 1500}, ${sets(docker.masquerade)}`,
    },
    {
      name: 'docker0',
      value:
        docker0 === undefined
          ? 'none'
          : `${docker0.addresses.join(', ') || 'no address'}, MTU ${docker0.mtu}, ${ports} attached`,
    },
    {
      name: 'forwarded packets',
      value:
        forward === undefined
          ? 'unknown'
          : `policy ${forward.policy}${forward.accepted ? ', the agent accepts the network' : ''}`,
    },
  ];
}
