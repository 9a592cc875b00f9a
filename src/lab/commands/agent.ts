import { type CommandBuilder, type CommonOptions, defineCommand } from '#cli/command.ts';
import { startProgress } from '#cli/progress.ts';
import { Fault } from '#runtime/fault.ts';
import { chooseLab, type LabOption, labOption, requireRoot } from './lab-option.ts';

type AgentOptions = CommonOptions & LabOption;

interface StartOptions extends AgentOptions {
  readonly timeout: string;
}

/** `weft lab kill-agent`: SIGKILL, as a crash would; forwarding goes on, except with udp, where the agent forwards. */
export const killAgentCommand: CommandBuilder = (context) =>
  defineCommand({
    name: 'kill-agent <host>',
    summary: 'kill the agent of a host (SIGKILL); its Pods stay connected, except with --backend udp',
    examples: [
      ['weft lab kill-agent host2', 'then look: weft lab status --ping'],
      ['weft lab kill-agent host2 --name blue', 'in another lab'],
    ],
  })
    .addOption(labOption())
    .action(async (host: string, options: AgentOptions) => {
      requireRoot();
      const { killAgent } = await import('#lab/running-lab.ts');
      const agent = await killAgent(await chooseLab(options, context.environment), host);
      if (options.quiet !== true)
        context.write(
          `the agent on ${host}, process ${agent.pid}, is killed; start one: weft lab start-agent ${host}\n`,
        );
    });

/** `weft lab start-agent`: starts it again and waits until it is ready. */
export const startAgentCommand: CommandBuilder = (context) =>
  defineCommand({
    name: 'start-agent <host>',
    summary: 'start the agent of a host again',
    examples: [
      ['weft lab start-agent host2', 'and wait until it is ready'],
      ['weft lab start-agent host2 --timeout 5', 'give up after five seconds, with the end of its log; it runs on'],
    ],
  })
    .addOption(labOption())
    .option('--timeout <seconds>', 'how long it may take until it is ready', '60')
    .action(async (host: string, options: StartOptions) => {
      requireRoot();
      const timeoutMs = Number(options.timeout) * 1000;
      if (!(timeoutMs > 0)) {
        throw new Fault('usage.flag', { what: `--timeout ${JSON.stringify(options.timeout)} is no number of seconds` });
      }
      const { restartAgent } = await import('#lab/running-lab.ts');
      using progress = startProgress(context, options);
      progress.step(`agent on ${host}`);
      const lab = await chooseLab(options, context.environment);
      const agent = await restartAgent(lab, host, context.catchInterrupt(), timeoutMs);
      progress.done(`agent on ${host}: process ${agent.pid}, ready in ${agent.readyMs} ms`);
    });
