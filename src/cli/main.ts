/** The operator's command: builds the command tree, runs one command line, and turns what happened into an exit code. */
import { Command, CommanderError } from 'commander';
import { Fault } from '#runtime/fault.ts';
import type { CommandBuilder, CommandContext, ExitCode } from './command.ts';
import { formatFault } from './fault-text.ts';

const ABOUT = 'A flat Pod network for fleets of container hosts, and the bring-up of such a fleet.';
const LEARN_MORE = `
The daemon of a host is weft agent, also started as weftd or flanneld: see weft agent --help.

Examples:
  weft lab up                   a three-host fabric on this machine, in half a minute
  weft network check net.json   is this network document right, and what follows from it

weft COMMAND --help tells more about a command.
Exit codes: 0 good, 1 a finding or failure, 2 wrong usage, 3 cannot reach what it needs, 130 interrupted.`;

/** The whole tree, ready to parse; nothing has run yet. */
export function buildProgram(context: CommandContext, builders: readonly CommandBuilder[]): Command {
  const program = new Command('weft')
    .description(ABOUT)
    .usage('<command> …')
    .helpOption('-h, --help', 'show this text')
    .helpCommand(false)
    .enablePositionalOptions()
    .configureOutput({
      writeOut: context.write,
      writeErr: context.writeNote,
      outputError: () => {},
      getOutHasColors: () => context.terminal.colours,
    })
    .configureHelp({ helpWidth: Math.min(context.terminal.columns, 120) })
    .addHelpText('after', LEARN_MORE);
  for (const build of builders) program.addCommand(build(context));
  for (const command of allCommands(program)) command.copyInheritedSettings(program);
  return program;
}

/** A command and all below it. */
export function allCommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allCommands)];
}

/**
 * Runs one command line (without node and script). Faults and wrong usage are printed; a programmer's error is thrown.
 * The code that the context was given by `finish` is not known here: the caller combines.
 */
export async function runOperator(
  context: CommandContext,
  argv: readonly string[],
  builders: readonly CommandBuilder[],
): Promise<ExitCode> {
  const program = buildProgram(context, builders);
  let current = program;
  for (const command of allCommands(program)) {
    command.exitOverride((error) => {
      current = command;
      throw error;
    });
  }
  program.hook('preAction', (_, action) => {
    current = action;
  });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return 0;
  } catch (error) {
    if (
      error instanceof CommanderError &&
      (error.code === 'commander.helpDisplayed' || error.code === 'commander.version')
    )
      return 0;
    const fault = error instanceof CommanderError ? usageFault(error, current) : error;
    if (!(fault instanceof Fault)) throw fault;
    // A bare group has printed its help already: that is the message.
    if (!(error instanceof CommanderError && error.code === 'commander.help')) {
      context.writeNote(formatFault(fault, current.opts()['output'] === 'json', context.terminal));
    }
    return exitCode(fault);
  }
}

function exitCode(fault: Fault): ExitCode {
  return fault.exitCode === 2 ? 2 : fault.exitCode === 3 ? 3 : 1;
}

/** commander's words, its suggestion of the nearest known word as the remedy. */
function usageFault(error: CommanderError, command: Command): Fault {
  const [message = '', suggestion] = error.message.replace(/^error: /, '').split('\n');
  const near = suggestion === undefined ? '' : `${suggestion.replace(/[()]/g, '')} `;
  return new Fault('usage.flag', { what: message, remedy: `${near}See ${commandPath(command)} --help` });
}

/** `weft lab up`. */
export function commandPath(command: Command): string {
  return command.parent === null ? command.name() : `${commandPath(command.parent)} ${command.name()}`;
}
