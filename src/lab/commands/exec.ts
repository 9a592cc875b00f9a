import { type CommandBuilder, type CommandContext, type CommonOptions, defineCommand } from '#cli/command.ts';
import { Fault } from '#runtime/fault.ts';
import { chooseLab, type LabOption, labOption, requireRoot } from './lab-option.ts';

type ExecOptions = CommonOptions & LabOption;

/** `weft lab exec`: a command on a host or in a Pod, with our input and output and its exit code. */
export const execCommand: CommandBuilder = (context) =>
  defineCommand({
    name: 'exec <host> [command...]',
    summary: 'run a command on a host (host2), in a Pod (pod2) or at the switch',
    examples: [
      ['weft lab exec host1 -- ip route', 'one line per peer'],
      ['weft lab exec host1 -- etcdctl get --prefix /', 'etcdctl and weft know where the etcd of the lab is'],
    ],
  })
    .addOption(labOption())
    .passThroughOptions()
    .action(async (host: string, words: readonly string[], options: ExecOptions) => {
      // Everything after the host is the command's, and so commander leaves the two dashes to us.
      const command = words[0] === '--' ? words.slice(1) : words;
      if (command[0]?.startsWith('-') === true) {
        throw new Fault('usage.flag', {
          what: `${command[0]} stands where the command should be`,
          remedy: `options come before the host: weft lab exec ${command[0]} … ${host} -- ip route`,
        });
      }
      if (command.length > 0) return execute(context, host, command, options);
      throw new Fault('usage.flag', {
        what: 'there is no command to run',
        remedy: `name one: weft lab exec ${host} -- ip route; or open a shell: weft lab shell ${host}`,
      });
    });

/** `weft lab shell`: an interactive shell there. */
export const shellCommand: CommandBuilder = (context) =>
  defineCommand({
    name: 'shell <host>',
    summary: 'open a shell on a host, in a Pod or at the switch',
    examples: [
      ['weft lab shell host2', 'a root shell on host2'],
      ['weft lab shell pod1', 'a root shell in the Pod behind host1'],
    ],
  })
    .addOption(labOption())
    .action(async (host: string, options: ExecOptions) => execute(context, host, ['bash', '-i'], options));

async function execute(
  context: CommandContext,
  where: string,
  argv: readonly string[],
  options: ExecOptions,
): Promise<void> {
  requireRoot();
  const [{ requireState }, { findNamespace }, { labEnvironment }, { runInteractive }, { locatePods }] =
    await Promise.all([
      import('#lab/state.ts'),
      import('#lab/find-host.ts'),
      import('#lab/lab-environment.ts'),
      import('#lab/run-interactive.ts'),
      import('#lab/pods.ts'),
    ]);
  const state = requireState(await chooseLab(options, context.environment));
  const namespace = findNamespace(state.plan, where);
  // A container that was restarted has another namespace.
  if (state.plan.pods === 'docker') await locatePods(state);
  // Ctrl-C is for the command; we stay to hand on how it ended.
  context.catchInterrupt();
  context.finish(
    await runInteractive({ namespace, argv, environment: labEnvironment(state, where, context.environment) }),
  );
}
