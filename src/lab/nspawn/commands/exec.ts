import { type CommandBuilder, type CommandContext, type CommonOptions, defineCommand } from '#cli/command.ts';
import { requireRoot } from '#lab/commands/lab-option.ts';
import { Fault } from '#runtime/fault.ts';
import { chooseSet, type SetOption, setOption } from './set-option.ts';

type ExecOptions = CommonOptions & SetOption;

/** `weft lab machines exec`: a command on a machine, with our input and output and its exit code. */
export const execCommand: CommandBuilder = (context) =>
  defineCommand({
    name: 'exec <machine> [command...]',
    summary: 'run a command on a machine (m2), over SSH',
    examples: [
      ['weft lab machines exec m1 -- systemctl --failed', 'what did not start'],
      ['weft lab machines exec m2 -- journalctl -b -u ssh', 'the log of a unit since the last boot'],
    ],
  })
    .addOption(setOption())
    .passThroughOptions()
    .action(async (machine: string, words: readonly string[], options: ExecOptions) => {
      // Everything after the machine is the command's, and so commander leaves the two dashes to us.
      const command = words[0] === '--' ? words.slice(1) : words;
      if (command[0]?.startsWith('-') === true) {
        throw new Fault('usage.flag', {
          what: `${command[0]} stands where the command should be`,
          remedy: `options come before the machine: weft lab machines exec ${command[0]} … ${machine} -- ip route`,
        });
      }
      if (command.length > 0) return enter(context, machine, command, options);
      throw new Fault('usage.flag', {
        what: 'there is no command to run',
        remedy: `name one: weft lab machines exec ${machine} -- ip route; or open a shell: weft lab machines ssh ${machine}`,
      });
    });

/** `weft lab machines ssh`: an interactive shell there. */
export const sshCommand: CommandBuilder = (context) =>
  defineCommand({
    name: 'ssh <machine>',
    summary: 'open a shell on a machine',
    examples: [
      ['weft lab machines ssh m1', 'a root shell on m1'],
      ['weft lab machines ssh --name blue m2', 'on m2 of the machines named blue'],
    ],
  })
    .addOption(setOption())
    .action(async (machine: string, options: ExecOptions) => enter(context, machine, [], options));

async function enter(
  context: CommandContext,
  machineName: string,
  words: readonly string[],
  options: ExecOptions,
): Promise<void> {
  requireRoot();
  const [{ requireSetState }, { findMachine }, { sshArgv }, { runHere }, { markOf }] = await Promise.all([
    import('#lab/nspawn/set-state.ts'),
    import('#lab/nspawn/find-machine.ts'),
    import('#lab/nspawn/ssh-access.ts'),
    import('#lab/run-interactive.ts'),
    import('#lab/nspawn/power.ts'),
  ]);
  const state = requireSetState(await chooseSet(options));
  const argv = sshArgv(state.plan, findMachine(state.plan, machineName), words);
  // Ctrl-C is for the command; we stay to hand on how it ended.
  context.catchInterrupt();
  context.finish(await runHere(argv, { ...context.environment, ...markOf(state) }));
}
