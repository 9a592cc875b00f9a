/** `weft lab …`: a whole fabric on this machine, to look at and to break. */
import { type CommandBuilder, defineGroup } from '#cli/command.ts';
import { addHostCommand } from './commands/add-host.ts';
import { killAgentCommand, startAgentCommand } from './commands/agent.ts';
import { cutCommand, healCommand } from './commands/cable.ts';
import { downCommand } from './commands/down.ts';
import { startEtcdCommand } from './commands/etcd.ts';
import { execCommand, shellCommand } from './commands/exec.ts';
import { pauseCommand, resumeCommand } from './commands/pause.ts';
import { statusCommand } from './commands/status.ts';
import { upCommand } from './commands/up.ts';
import { machinesCommand } from './nspawn/commands/group.ts';

const BUILDERS: readonly CommandBuilder[] = [
  upCommand,
  downCommand,
  statusCommand,
  execCommand,
  shellCommand,
  cutCommand,
  healCommand,
  addHostCommand,
  killAgentCommand,
  startAgentCommand,
  startEtcdCommand,
  pauseCommand,
  resumeCommand,
  machinesCommand,
];

export const labCommand: CommandBuilder = (context) =>
  defineGroup(
    {
      name: 'lab',
      summary: 'a whole fabric on this machine: hosts, etcd, agents, Pods',
      examples: [
        ['weft lab up --hosts 7', 'seven hosts, and which Pod reaches which'],
        ['weft lab exec host2 -- ip route', 'look around on one of them'],
      ],
    },
    BUILDERS.map((build) => build(context)),
  );
