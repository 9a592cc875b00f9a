/** weft certs */
import type { Command } from 'commander';
import { type CommandContext, defineGroup } from '#cli/command.ts';
import { initCommand } from './commands/init-command.ts';
import { issueCommand } from './commands/issue-command.ts';
import { renewCommand } from './commands/renew-command.ts';
import { showCommand } from './commands/show-command.ts';

export function certsCommand(context: CommandContext): Command {
  return defineGroup(
    {
      name: 'certs',
      summary: 'a directory of certificates, with the inputs and file names of cfssl',
      examples: [
        ['weft certs init && weft certs issue', 'the authority, then every certificate that has a NAME-csr.json'],
        ['weft certs show --warn-before 60d', 'what expires when; exit code 1 if something is to be done'],
      ],
    },
    [initCommand(context), issueCommand(context), showCommand(context), renewCommand(context)],
  );
}
