import { type CommandBuilder, type CommandContext, type CommonOptions, defineCommand } from '#cli/command.ts';
import { chooseLab, type LabOption, labOption, requireRoot } from './lab-option.ts';

type PauseOptions = CommonOptions & LabOption;

/** `weft lab pause`: SIGSTOP, as a process that hangs. */
export const pauseCommand: CommandBuilder = (context) =>
  defineCommand({
    name: 'pause <process>',
    summary: 'stop the agent of a host (host2) or an etcd member (etcd2) where it is (SIGSTOP)',
    examples: [
      ['weft lab pause host2', 'the agent on host2 hangs; its Pods stay connected, except with --backend udp'],
      ['weft lab pause etcd1', 'the etcd member on host1 hangs'],
    ],
  })
    .addOption(labOption())
    .action(async (target: string, options: PauseOptions) => apply(context, target, options, 'pause'));

/** `weft lab resume`: SIGCONT. */
export const resumeCommand: CommandBuilder = (context) =>
  defineCommand({
    name: 'resume <process>',
    summary: 'let an agent (host2) or an etcd member (etcd2) that was paused go on (SIGCONT)',
    examples: [
      ['weft lab resume host2', 'the agent on host2 goes on'],
      ['weft lab resume etcd1', 'the etcd member on host1 goes on'],
    ],
  })
    .addOption(labOption())
    .action(async (target: string, options: PauseOptions) => apply(context, target, options, 'resume'));

async function apply(
  context: CommandContext,
  target: string,
  options: PauseOptions,
  verb: 'pause' | 'resume',
): Promise<void> {
  requireRoot();
  const { pauseProcess, resumeProcess } = await import('#lab/pause.ts');
  const change = verb === 'pause' ? pauseProcess : resumeProcess;
  const { role, host, pid } = change(await chooseLab(options, context.environment), target);
  if (options.quiet === true) return;
  const what = `the ${role === 'agent' ? 'agent' : 'etcd member'} on ${host}, process ${pid}, `;
  context.write(verb === 'pause' ? `${what}is paused; let it go on: weft lab resume ${target}\n` : `${what}goes on\n`);
}
