/** The completion script for fish. */
import { type CommandWords, flagsWithValue } from './command-words.ts';

export function fishScript(nodes: readonly CommandWords[]): string {
  const paths = nodes.filter((node) => node.path !== '').map((node) => quote(node.path));
  return `# fish completion for weft: weft completion fish | source
function __weft_at
    set -l at
    set -l skip no
    for word in (commandline -opc)[2..-1]
        if test $skip = yes
            set skip no
            continue
        end
        switch $word
            case ${flagsWithValue(nodes).map(quote).join(' ')}
                set skip yes
                continue
            case '-*'
                continue
        end
        set -l next (string join ' ' $at $word)
        contains -- "$next" ${paths.join(' ')}; or break
        set at "$next"
    end
    test "$at" = "$argv[1]"
end
${nodes.flatMap(linesOf).join('\n')}
`;
}

function linesOf(node: CommandWords): string[] {
  const condition = quote(`__weft_at ${quote(node.path)}`);
  const words = node.words.map(
    (word) => `complete -c weft -f -n ${condition} -a ${quote(word.name)} -d ${quote(word.summary)}`,
  );
  const flags = node.flags.map((flag) => {
    const short = flag.names.find((name) => !name.startsWith('--'));
    const long = flag.names.find((name) => name.startsWith('--'));
    const names = `${short === undefined ? '' : ` -s ${short.slice(1)}`}${long === undefined ? '' : ` -l ${long.slice(2)}`}`;
    const value = flag.choices.length > 0 ? ` -x -a ${quote(flag.choices.join(' '))}` : flag.takesValue ? ' -r -F' : '';
    return `complete -c weft -n ${condition}${names}${value} -d ${quote(flag.summary)}`;
  });
  return [...words, ...flags];
}

/** As a word of fish, where a quote inside single quotes is escaped by a backslash. */
function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
