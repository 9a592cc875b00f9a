/**
 * As much of systemd as it takes to know which words a unit starts its program with: the lines of the unit, the variables
 * of its files, and how both become an argument vector (systemd.service(5), "Command lines"; systemd.syntax(7)).
 */
import { parseEnvironmentFile } from '#docker/environment-file.ts';

/** `Key=value` lines in order, lines that go on joined, comments and headings left out. */
export function parseUnit(text: string): readonly (readonly [key: string, value: string])[] {
  const settings: [string, string][] = [];
  let pending = '';
  for (const line of text.split('\n')) {
    const whole = pending + line;
    // A backslash at the end that is not itself escaped: the next line belongs to this one.
    if (/(^|[^\\])(\\\\)*\\$/.test(line)) {
      pending = `${whole.slice(0, -1)} `;
      continue;
    }
    pending = '';
    const match = /^\s*([\w-]+)\s*=\s*([\s\S]*?)\s*$/.exec(whole);
    if (match !== null && !/^\s*[#;]/.test(whole)) settings.push([match[1] ?? '', match[2] ?? '']);
  }
  return settings;
}

/** The command lines of a unit under that key, expanded with its EnvironmentFile= (their text by path). */
export function commandLines(
  unit: string,
  key: 'ExecStart' | 'ExecStartPost',
  files: Readonly<Record<string, string>>,
): readonly (readonly string[])[] {
  const settings = parseUnit(unit);
  const environment = new Map<string, string>();
  for (const [name, value] of settings) {
    if (name !== 'EnvironmentFile') continue;
    const text = files[value.replace(/^-/, '')];
    if (text === undefined && !value.startsWith('-')) throw new Error(`the unit needs ${value}`);
    for (const [variable, content] of parseEnvironmentFile(text ?? '')) environment.set(variable, content);
  }
  return settings.filter(([name]) => name === key).map(([, value]) => expandCommandLine(value, environment));
}

/**
 * `${NAME}` is replaced inside its word, which stays one word even when that leaves nothing; `$NAME` that is a word of its
 * own becomes the words of its value, none if there is none; `$$` is a dollar.
 */
export function expandCommandLine(line: string, environment: ReadonlyMap<string, string>): string[] {
  return splitWords(line).flatMap((word) => {
    const alone = /^\$([A-Za-z_]\w*)$/.exec(word)?.[1];
    if (alone !== undefined) return splitWords(environment.get(alone) ?? '');
    return [
      word.replaceAll(/\$\$|\$\{([A-Za-z_]\w*)\}/g, (found, name) =>
        found === '$$' ? '$' : (environment.get(name) ?? ''),
      ),
    ];
  });
}

/** At blanks outside quotes; quotes go, and a backslash takes the meaning of the next character. */
function splitWords(text: string): string[] {
  const words: string[] = [];
  for (const [word] of text.matchAll(/(?:"(?:\\[\s\S]|[^"\\])*"|'(?:\\[\s\S]|[^'\\])*'|\\[\s\S]|[^\s"'\\])+/g)) {
    words.push(word.replaceAll(/\\([\s\S])|["']/g, (_, escaped: string | undefined) => escaped ?? ''));
  }
  return words;
}

/** What a shell makes of a here-document whose delimiter is not quoted: variables replaced, `\\` one backslash. */
export function hereDocument(text: string, variables: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\\([\\$`])|\$\{(\w+)\}/g, (_, escaped: string | undefined, name: string | undefined) => {
    return escaped ?? variables[name ?? ''] ?? '';
  });
}
