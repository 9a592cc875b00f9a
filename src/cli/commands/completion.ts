/** weft completion: the script that makes a shell complete weft's words. */
import { Argument, type Command } from 'commander';
import { type CommandContext, defineCommand } from '#cli/command.ts';
import { bashScript } from '#cli/completion/bash.ts';
import { readCommandWords } from '#cli/completion/command-words.ts';
import { fishScript } from '#cli/completion/fish.ts';
import { zshScript } from '#cli/completion/zsh.ts';

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript };

export function completionCommand(context: CommandContext): Command {
  const command = defineCommand({
    name: 'completion',
    summary: 'the completion script for a shell',
    examples: [
      ['source <(weft completion bash)', 'completes in this bash'],
      ['weft completion fish | source', 'completes in this fish'],
    ],
  }).addArgument(new Argument('<shell>', 'the shell').choices(Object.keys(SCRIPTS)));
  return command.action((shell: keyof typeof SCRIPTS) => {
    context.write(SCRIPTS[shell](readCommandWords(rootOf(command))));
  });
}

function rootOf(command: Command): Command {
  return command.parent === null ? command : rootOf(command.parent);
}
