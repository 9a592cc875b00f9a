/** `weft lab machines …`: real systemd hosts on this computer, to bring a fleet up on. */
import { type CommandBuilder, defineGroup } from '#cli/command.ts';
import { rebootCommand, restoreCommand, snapshotCommand } from './actions.ts';
import { downCommand } from './down.ts';
import { execCommand, sshCommand } from './exec.ts';
import { statusCommand } from './status.ts';
import { upCommand } from './up.ts';

const BUILDERS: readonly CommandBuilder[] = [
  upCommand,
  statusCommand,
  execCommand,
  sshCommand,
  rebootCommand,
  snapshotCommand,
  restoreCommand,
  downCommand,
];

export const machinesCommand: CommandBuilder = (context) =>
  defineGroup(
    {
      name: 'machines',
      summary: 'real Debian hosts with systemd and SSH on this computer, with nothing of weft on them',
      examples: [
        ['weft lab machines up 3', 'three hosts, and the file for ssh -F'],
        ['weft lab machines exec m1 -- systemctl is-system-running', 'work on one of them'],
      ],
    },
    BUILDERS.map((build) => build(context)),
  );
