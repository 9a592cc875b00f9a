/** The completion script for bash. */
import { type CommandWords, flagsWithChoices, flagsWithValue, shellQuote } from './command-words.ts';
import { pathLines } from './posix-path.ts';

export function bashScript(nodes: readonly CommandWords[]): string {
  const choices = [...flagsWithChoices(nodes)].map(
    ([flag, values]) =>
      `    ${flag}) COMPREPLY=( $(compgen -W ${shellQuote(values.join(' '))} -- "$current") ); return ;;`,
  );
  const cases = nodes.map((node) => `    ${shellQuote(node.path)}) words=${shellQuote(wordsOf(node))} ;;`);
  return `# bash completion for weft: source <(weft completion bash)
_weft() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"
  case "$previous" in
${choices.join('\n')}
    ${flagsWithValue(nodes).join('|')}) COMPREPLY=( $(compgen -f -- "$current") ); return ;;
  esac
${pathLines(nodes, 'COMP_WORDS', 1, 'COMP_CWORD')}
  local words=''
  case "$at" in
${cases.join('\n')}
  esac
  COMPREPLY=( $(compgen -W "$words" -- "$current") )
  if (( \${#COMPREPLY[@]} == 0 )); then COMPREPLY=( $(compgen -f -- "$current") ); fi
}
complete -o filenames -F _weft weft
`;
}

function wordsOf(node: CommandWords): string {
  return [...node.words.map((word) => word.name), ...node.flags.flatMap((flag) => flag.names.slice(-1))].join(' ');
}
