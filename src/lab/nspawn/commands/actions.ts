import { type CommandBuilder, type CommandContext, type CommonOptions, defineCommand } from '#cli/command.ts';
import { requireRoot } from '#lab/commands/lab-option.ts';
import type { LabControl } from '#lab/lab-control.ts';
import { chooseSet, type SetOption, setOption, withProgress } from './set-option.ts';

type ActionOptions = CommonOptions & SetOption;

/** `weft lab machines reboot`: a machine off and on again. */
export const rebootCommand: CommandBuilder = (context) =>
  defineCommand({
    name: 'reboot <machine>',
    summary: 'shut a machine down, start it again, and wait until it answers by SSH',
    examples: [
      ['weft lab machines reboot m1', 'what is on its disk stays, its network devices do not'],
      ['weft lab machines exec m1 -- poweroff; weft lab machines reboot m1', 'one that is off is started'],
    ],
  })
    .addOption(setOption())
    .action(async (machine: string, options: ActionOptions) => {
      requireRoot();
      const { rebootMachine } = await import('#lab/nspawn/machine-actions.ts');
      const name = await chooseSet(options);
      await act(context, options, async (control) => {
        const word = await rebootMachine(name, machine, control);
        return (seconds) => `${machine} is up again after ${seconds} s; systemd says: ${word}`;
      });
    });

/** `weft lab machines snapshot`: the disks as they are now, kept. */
export const snapshotCommand: CommandBuilder = (context) =>
  defineCommand({
    name: 'snapshot <snapshot>',
    summary: 'keep the disks of all machines as they are now (the machines are rebooted)',
    examples: [
      ['weft lab machines snapshot clean', 'a name to come back to'],
      ['weft lab machines status -o json', 'lists the snapshots'],
    ],
  })
    .addOption(setOption())
    .action(async (snapshot: string, options: ActionOptions) => {
      requireRoot();
      const { snapshotMachines } = await import('#lab/nspawn/machine-actions.ts');
      const name = await chooseSet(options);
      await act(context, options, async (control) => {
        await snapshotMachines(name, snapshot, control);
        return (seconds) => `snapshot ${snapshot} of the machines ${name} taken in ${seconds} s`;
      });
    });

/** `weft lab machines restore`: the disks as they were. */
export const restoreCommand: CommandBuilder = (context) =>
  defineCommand({
    name: 'restore <snapshot>',
    summary: 'put the disks of all machines back to a snapshot (the machines are rebooted)',
    examples: [
      ['weft lab machines restore clean', 'whatever was done since is gone'],
      ['weft lab machines restore --name blue clean', 'of the machines named blue'],
    ],
  })
    .addOption(setOption())
    .action(async (snapshot: string, options: ActionOptions) => {
      requireRoot();
      const { restoreMachines } = await import('#lab/nspawn/machine-actions.ts');
      const name = await chooseSet(options);
      await act(context, options, async (control) => {
        await restoreMachines(name, snapshot, control);
        return (seconds) => `the machines ${name} are back at ${snapshot} after ${seconds} s`;
      });
    });

/** Does it with its progress shown, and says what was done in how many seconds. */
async function act(
  context: CommandContext,
  options: ActionOptions,
  work: (control: LabControl) => Promise<(seconds: string) => string>,
): Promise<void> {
  const signal = context.catchInterrupt();
  try {
    const { result, seconds } = await withProgress(context, options, work);
    context.write(`${result(seconds)}\n`);
  } catch (error) {
    if (!signal.aborted) throw error;
    context.writeNote('interrupted: a machine that is off now is started by weft lab machines reboot\n');
    context.finish(130);
  }
}
