/** The shell lines, common to bash and zsh, that find out which command the words typed so far name. */
import { type CommandWords, flagsWithValue, shellQuote } from './command-words.ts';

/** Sets `at` to the path. `first` is the index of the first word after `weft`, `end` the index of the word to complete. */
export function pathLines(nodes: readonly CommandWords[], array: string, first: number, end: string): string {
  const paths = nodes.filter((node) => node.path !== '').map((node) => shellQuote(node.path));
  return `  local at='' word i
  for (( i = ${first}; i < ${end}; i++ )); do
    word="\${${array}[i]}"
    case "$word" in
      ${flagsWithValue(nodes).join('|')}) (( i++ )); continue ;;
      -*) continue ;;
    esac
    case "\${at:+$at }$word" in
      ${paths.join('|')}) at="\${at:+$at }$word" ;;
      *) break ;;
    esac
  done`;
}
