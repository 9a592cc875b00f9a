/** weft lease: who owns which subnet. */
import type { Command } from 'commander';
import { type CommandContext, defineGroup } from '#cli/command.ts';
import { leaseListCommand } from './lease-list.ts';
import { leaseReleaseCommand } from './lease-release.ts';
import { leaseReserveCommand } from './lease-reserve.ts';
import { leaseShowCommand } from './lease-show.ts';

export function leaseCommand(context: CommandContext): Command {
  return defineGroup(
    {
      name: 'lease',
      summary: 'who owns which subnet',
      examples: [
        ['weft lease list', 'all leases and what is wrong with them'],
        ['weft lease reserve 10.5.7.0/24 --public-ip 192.0.2.7', 'that subnet is that host’s for ever'],
      ],
    },
    [leaseListCommand(context), leaseShowCommand(context), leaseReserveCommand(context), leaseReleaseCommand(context)],
  );
}
