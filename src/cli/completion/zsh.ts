/** The completion script for zsh. */
import { type CommandWords, flagsWithChoices, flagsWithValue, shellQuote } from './command-words.ts';
import { pathLines } from './posix-path.ts';

export function zshScript(nodes: readonly CommandWords[]): string {
  const choices = [...flagsWithChoices(nodes)].map(
    ([flag, values]) => `    ${flag}) compadd -- ${values.join(' ')}; return ;;`,
  );
  const cases = nodes.map((node) => `    ${shellQuote(node.path)}) items=( ${itemsOf(node).join(' ')} ) ;;`);
  return `#compdef weft
# zsh completion for weft: source <(weft completion zsh), or save it as _weft in a directory of $fpath
_weft() {
  case "\${words[CURRENT-1]}" in
${choices.join('\n')}
    ${flagsWithValue(nodes).join('|')}) _files; return ;;
  esac
${pathLines(nodes, 'words', 2, 'CURRENT')}
  local -a items
  case "$at" in
${cases.join('\n')}
  esac
  _describe weft items || _files
}
if [[ "$funcstack[1]" == _weft ]]; then _weft "$@"; else compdef _weft weft; fi
`;
}

function itemsOf(node: CommandWords): string[] {
  const item = (name: string, summary: string): string => shellQuote(`${name.replaceAll(':', '\\:')}:${summary}`);
  return [
    ...node.words.map((word) => item(word.name, word.summary)),
    ...node.flags.map((flag) => item(flag.names.at(-1) ?? '', flag.summary)),
  ];
}
