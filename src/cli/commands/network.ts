/** weft network: the network document in etcd. */
import type { Command } from 'commander';
import { type CommandContext, defineGroup } from '#cli/command.ts';
import { networkCheckCommand } from './network-check.ts';
import { networkGetCommand } from './network-get.ts';
import { networkMigrateCommand } from './network-migrate.ts';
import { networkSetCommand } from './network-set.ts';

export function networkCommand(context: CommandContext): Command {
  return defineGroup(
    {
      name: 'network',
      summary: 'the network document that all hosts share',
      examples: [
        ['weft network check net.json', 'is it right, and what follows from it'],
        ['weft network set net.json', 'write it for all hosts'],
      ],
    },
    [
      networkCheckCommand(context),
      networkGetCommand(context),
      networkSetCommand(context),
      networkMigrateCommand(context),
    ],
  );
}
