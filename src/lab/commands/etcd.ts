import type { Command } from 'commander';
import { type CommandBuilder, type CommandContext, type CommonOptions, defineCommand } from '#cli/command.ts';
import { startProgress } from '#cli/progress.ts';
import { chooseLab, type LabOption, labOption, requireRoot } from './lab-option.ts';

type EtcdOptions = CommonOptions & LabOption;

/** `weft lab down etcd`: SIGKILL to all members or one, as a power cut; data, agents and Pods stay. */
export const downEtcdCommand: CommandBuilder = (context) =>
  defineCommand({
    name: 'etcd [member]',
    summary: 'kill the etcd members of a lab, or one of them (SIGKILL); nothing else is touched',
    examples: [
      ['weft lab down etcd', 'all three; the Pods stay connected: weft lab status --ping'],
      ['weft lab down etcd etcd2', 'the member on host2; the other two go on'],
    ],
  })
    .addOption(labOption())
    .action(async (member: string | undefined, _own: EtcdOptions, command: Command) => {
      requireRoot();
      // `--name` may stand before the word etcd as well.
      const options: EtcdOptions = command.optsWithGlobals();
      const { killMembers } = await import('#lab/lab-etcd.ts');
      const killed = await killMembers(await chooseLab(options, context.environment), member);
      if (options.quiet === true) return;
      const again = ['weft lab start-etcd', ...(member === undefined ? [] : [member])].join(' ');
      context.write(`${killed.join(', ')}: killed; start again: ${again}\n`);
    });

/** `weft lab start-etcd`: the members that do not run, on their data, until they serve. */
export const startEtcdCommand: CommandBuilder = (context) =>
  defineCommand({
    name: 'start-etcd [member]',
    summary: 'start the etcd members of a lab that do not run, or one of them, on their data',
    examples: [
      ['weft lab start-etcd', 'all that are down, until they serve'],
      ['weft lab start-etcd etcd2', 'the member on host2'],
    ],
  })
    .addOption(labOption())
    .action(async (member: string | undefined, options: EtcdOptions) => start(context, member, options));

async function start(context: CommandContext, member: string | undefined, options: EtcdOptions): Promise<void> {
  requireRoot();
  const { startMembers } = await import('#lab/lab-etcd.ts');
  using progress = startProgress(context, options);
  progress.step(member ?? 'etcd');
  const signal = context.catchInterrupt();
  const { started, majority } = await startMembers(await chooseLab(options, context.environment), signal, member);
  if (signal.aborted) return context.finish(130);
  if (started.length === 0) return progress.done(`${member ?? 'every etcd member'} runs already`);
  const names = started.join(', ');
  progress.done(
    majority ? `${names}: started` : `${names}: started; etcd serves once more than half of its members run`,
  );
}
