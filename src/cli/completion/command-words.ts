/** What can follow which words on the command line, read off the command tree: the input of all three shells' scripts. */
import type { Command } from 'commander';
import { allCommands } from '#cli/main.ts';

export interface FlagWords {
  /** `['-o', '--output']` */
  readonly names: readonly string[];
  readonly summary: string;
  readonly takesValue: boolean;
  /** The values allowed; empty when any is (a file is offered then). */
  readonly choices: readonly string[];
}

export interface CommandWords {
  /** The words after `weft`, joined by blanks; empty for `weft` itself. */
  readonly path: string;
  readonly words: readonly { readonly name: string; readonly summary: string }[];
  readonly flags: readonly FlagWords[];
}

/** One entry per command, `weft` itself first. */
export function readCommandWords(program: Command): CommandWords[] {
  return allCommands(program).map(describe);
}

/** Flags that take a value, of any command: what follows one is no command word. */
export function flagsWithValue(nodes: readonly CommandWords[]): string[] {
  return [
    ...new Set(nodes.flatMap((node) => node.flags.filter((flag) => flag.takesValue).flatMap((flag) => flag.names))),
  ];
}

/** Flags with a closed set of values, and those values; a flag has the same set wherever it occurs. */
export function flagsWithChoices(nodes: readonly CommandWords[]): ReadonlyMap<string, readonly string[]> {
  const flags = nodes.flatMap((node) => node.flags).filter((flag) => flag.choices.length > 0);
  return new Map(flags.flatMap((flag) => flag.names.map((name) => [name, flag.choices] as const)));
}

/** As a word of a POSIX shell. */
export function shellQuote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function describe(command: Command): CommandWords {
  const flags = command.options
    .filter((option) => !option.hidden)
    .map((option) => ({
      names: [option.short, option.long].filter((name) => name !== undefined),
      summary: option.description,
      takesValue: option.required || option.optional,
      choices: option.argChoices ?? [],
    }));
  const help: FlagWords = { names: ['-h', '--help'], summary: 'show this text', takesValue: false, choices: [] };
  const children = command.commands.map((child) => ({ name: child.name(), summary: child.description() }));
  const choices = command.registeredArguments[0]?.argChoices ?? [];
  return {
    path: pathOf(command),
    words: [...children, ...choices.map((name) => ({ name, summary: '' }))],
    flags: [...flags, help],
  };
}

function pathOf(command: Command): string {
  return command.parent === null ? '' : `${pathOf(command.parent)} ${command.name()}`.trim();
}
