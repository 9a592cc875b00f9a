/** weft help: the help of any command by its words. */
import type { Command } from 'commander';
import { type CommandContext, defineCommand } from '#cli/command.ts';
import { nearestWord } from '#cli/nearest-word.ts';
import { Fault } from '#runtime/fault.ts';

export function helpCommand(_context: CommandContext): Command {
  const command = defineCommand({
    name: 'help [words...]',
    summary: 'the help of a command',
    examples: [
      ['weft help', 'all commands'],
      ['weft help lab up', 'the same as weft lab up --help'],
    ],
  });
  return command.action(() => {
    let found = command.parent ?? command;
    for (const word of command.args) {
      const next = found.commands.find((candidate) => candidate.name() === word);
      if (next === undefined) throw unknownWord(found, word);
      found = next;
    }
    found.outputHelp();
  });
}

function unknownWord(group: Command, word: string): Fault {
  const near = nearestWord(
    word,
    group.commands.map((candidate) => candidate.name()),
  );
  return new Fault('usage.flag', {
    what: `unknown command '${word}'`,
    remedy: near === undefined ? 'see weft help' : `Did you mean ${near}?`,
  });
}
