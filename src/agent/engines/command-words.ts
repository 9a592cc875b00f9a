/**
 * A command of the extension backend as an argument vector, by the rules of flannel 0.28.2 and later (spec §5.7): the text is
 * split at white space, then `$NAME` and `${NAME}` are replaced in each word as Go's os.Expand does. No shell ever reads it:
 * quotes, semicolons and pipes are plain characters, and a value with spaces stays one word. Pure.
 */

/** The words; `value` gives a variable's, empty when it is not set. */
export function commandWords(text: string, value: (name: string) => string): readonly string[] {
  return text
    .split(/[\t\n\v\f\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/)
    .filter((word) => word !== '')
    .map((word) => expand(word, value));
}

/** What only a shell would understand in a command; undefined when there is nothing. */
export function shellCharacters(text: string): string | undefined {
  const found = new Set(text.match(/["'`;|<>\\]|&&|\$\(/g));
  return found.size === 0 ? undefined : [...found].join(' ');
}

/** One of `$*`, `$1` and the like, a name in braces, broken braces, or a name. */
const REFERENCE = /\$(?:\{([*#$@!?\-0-9]|[^}]*)\}|\{|([*#$@!?\-0-9])|(\w+))/g;

function expand(word: string, value: (name: string) => string): string {
  return word.replace(REFERENCE, (_, braced?: string, special?: string, name?: string) => {
    const wanted = braced ?? special ?? name ?? '';
    return wanted === '' ? '' : value(wanted);
  });
}
