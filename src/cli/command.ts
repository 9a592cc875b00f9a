/**
 * How an operator's command is written. A command is a function from a CommandContext to a commander Command, listed in
 * bin/operator.ts. It reads flags, calls the domain, prints by `printData`, and throws a Fault when it cannot do it.
 * It never reads argv or the environment of the process, never exits, and never writes to the process's streams itself.
 *
 * Heavy modules (etcd, pki, lab) are imported inside the action, so that `--help` and completion stay quick.
 */
import { Command } from 'commander';
import type { Etcd, EtcdOptions } from '#etcd/api.ts';
import type { EtcdV2 } from '#etcd/v2-api.ts';

/** 0 good, 1 a finding or failure, 2 wrong usage, 3 cannot reach what it needs, 130 interrupted. */
export type ExitCode = 0 | 1 | 2 | 3 | 130;

/** What the standard error stream is, for progress and colours, and what standard output is, for tables. */
export interface Terminal {
  readonly colours: boolean;
  /** Whether a person can watch a spinner and answer a question. */
  readonly interactive: boolean;
  /** Width in characters; 80 when the output is no terminal. */
  readonly columns: number;
}

/** Everything that a command may touch of the process that runs it. */
export interface CommandContext {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly terminal: Terminal;
  /** Standard output: the data asked for, and nothing else. */
  readonly write: (text: string) => void;
  /** Standard error: progress, notes, questions. */
  readonly writeNote: (text: string) => void;
  /** All of standard input as text. */
  readonly readInput: () => Promise<string>;
  /** One line from the terminal after a question; undefined when nobody is there to answer. */
  readonly ask: (question: string) => Promise<string | undefined>;
  /** The real client, loaded when first asked for; whoever opens it closes it (`withRecords` does). */
  readonly connectEtcd: (options: EtcdOptions) => Promise<Etcd>;
  /** The same for the v2 API. */
  readonly connectEtcdV2: (options: EtcdOptions) => Promise<EtcdV2>;
  /**
   * Ends the run with this code although nothing was thrown: a check that found something is 1. A command that runs
   * another one (`weft lab exec`) hands on whatever code that had.
   */
  readonly finish: (code: number) => void;
  /**
   * From this call on, Ctrl-C aborts the signal in place of ending the process at once; the command then stops, says
   * what is done so far, and the run ends with 130. A second Ctrl-C ends it at once.
   */
  readonly catchInterrupt: () => AbortSignal;
}

/** The type of what src/<area>/commands.ts exports, by the name `<noun>Command`. */
export type CommandBuilder = (context: CommandContext) => Command;

/** Options that every command has (see `defineCommand`). */
export interface CommonOptions {
  readonly quiet?: boolean;
}

export interface CommandText {
  /** The word, with arguments in commander's notation: `show <subnet>`. */
  readonly name: string;
  /** One line, no full stop. */
  readonly summary: string;
  /** Two: a command line each, and what it does in a few words. */
  readonly examples: readonly [readonly [line: string, effect: string], readonly [line: string, effect: string]];
}

/** A command with `--quiet`, `--help` and its two examples. Add options, then `.action(async () => …)`. */
export function defineCommand(text: CommandText): Command {
  return describe(text).option('-q, --quiet', 'print nothing but the data asked for and errors');
}

/** A word that only holds other commands (`weft network …`). */
export function defineGroup(text: CommandText, commands: readonly Command[]): Command {
  const group = describe(text).usage('<command> …').enablePositionalOptions();
  for (const command of commands) group.addCommand(command);
  return group;
}

function describe(text: CommandText): Command {
  const [word = '', ...operands] = text.name.split(' ');
  const width = Math.max(...text.examples.map(([line]) => line.length));
  const examples = text.examples.map(([line, effect]) => `  ${line.padEnd(width)}  ${effect}`);
  const command = new Command(word).description(text.summary).helpOption('-h, --help', 'show this text');
  for (const operand of operands) command.argument(operand);
  return command.helpCommand(false).addHelpText('after', `\nExamples:\n${examples.join('\n')}`);
}
