/**
 * Go's flag syntax, which flannel's unit files use: `-x v`, `--x=v`, `-bool`, `-bool=false` (spec §3.1). Each flag may also
 * come from the environment, which the command line overrides. Where Go stops reading, at the first word that is no flag,
 * nothing is silently left out: such a word is refused, and only an empty one is passed over.
 */
import { Fault } from '#runtime/fault.ts';

export interface FlagDefinition {
  readonly name: string;
  readonly type: 'string' | 'boolean' | 'integer' | 'list';
  /** Text shown as the default; empty means none. */
  readonly default: string;
  readonly help: string;
  /** Not taken from the environment. */
  readonly commandLineOnly?: true;
}

export type FlagValues = ReadonlyMap<string, readonly string[]>;

const TRUE = new Set(['1', 't', 'T', 'true', 'TRUE', 'True']);
const FALSE = new Set(['0', 'f', 'F', 'false', 'FALSE', 'False']);

/** Values by flag name, in the order given; a boolean is `true` or `false`, a number decimal. Throws Fault `usage.flag`. */
export function parseGoFlags(definitions: readonly FlagDefinition[], argv: readonly string[]): FlagValues {
  const values = new Map<string, string[]>();
  for (let index = 0; index < argv.length; index += 1) {
    const word = argv[index] ?? '';
    if (word === '') continue;
    const match = /^--?([^-=][^=]*)(?:=([\s\S]*))?$/.exec(word);
    if (match === null) throw unexpectedWord(word, definitions, argv[index - 1]);
    const name = match[1] ?? '';
    const definition = definitions.find((candidate) => candidate.name === name);
    if (definition === undefined) throw unknownFlag(definitions, name);
    let value = match[2];
    if (value === undefined) {
      if (definition.type === 'boolean') value = 'true';
      else {
        index += 1;
        value = argv[index];
        if (value === undefined) throw new Fault('usage.flag', { what: `flag needs an argument: -${name}` });
      }
    }
    add(values, definition, checkValue(definition, value, `-${name}`));
  }
  return values;
}

/** Fills in flags that the command line does not have from `<prefix>NAME`, upper-cased with `_`; empty values count as unset. */
export function overlayEnvironment(
  definitions: readonly FlagDefinition[],
  values: FlagValues,
  environment: Readonly<Record<string, string | undefined>>,
  prefix: string,
): FlagValues {
  const merged = new Map(values);
  for (const definition of definitions) {
    const variable = prefix + definition.name.toUpperCase().replaceAll(/[-.]/g, '_');
    const text = environment[variable];
    if (text === undefined || text === '' || merged.has(definition.name) || definition.commandLineOnly) continue;
    merged.set(definition.name, [checkValue(definition, text, variable)]);
  }
  return merged;
}

/** Usage text in the manner of Go programs, sorted by name. */
export function describeFlags(definitions: readonly FlagDefinition[]): string {
  return definitions
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map((flag) => {
      const type = flag.type === 'boolean' ? '' : ` ${flag.type === 'integer' ? 'int' : flag.type}`;
      const fallback = flag.default === '' ? '' : ` (default ${flag.default})`;
      return `  -${flag.name}${type}\n        ${flag.help}${fallback}\n`;
    })
    .join('');
}

function add(values: Map<string, string[]>, definition: FlagDefinition, value: string): void {
  const earlier = values.get(definition.name);
  if (definition.type === 'list' && earlier !== undefined) earlier.push(value);
  else values.set(definition.name, [value]);
}

function checkValue(definition: FlagDefinition, value: string, source: string): string {
  if (definition.type === 'boolean') {
    if (TRUE.has(value)) return 'true';
    if (FALSE.has(value)) return 'false';
    throw new Fault('usage.flag', { what: `${source} wants true or false, got ${JSON.stringify(value)}` });
  }
  if (definition.type === 'integer') {
    const number = readGoInteger(value);
    if (number !== undefined) return String(number);
    throw new Fault('usage.flag', { what: `${source} wants a whole number, got ${JSON.stringify(value)}` });
  }
  return value;
}

/** Go's integer literals: 10, 0x1f, 0b11, 0o17 and 017 (octal), 1_000. Undefined when it is none, or past 2^53. */
export function readGoInteger(text: string): number | undefined {
  const match =
    /^([+-]?)(0[xX](?:_?[\da-fA-F])+|0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0(?:_?[0-7])*|[1-9](?:_?\d)*)$/.exec(text);
  if (match === null) return undefined;
  const digits = (match[2] ?? '').replaceAll('_', '');
  const value = Number(/^0\d/.test(digits) ? `0o${digits.slice(1)}` : digits);
  if (!Number.isSafeInteger(value)) return undefined;
  return match[1] === '-' && value !== 0 ? -value : value;
}

function unexpectedWord(word: string, definitions: readonly FlagDefinition[], before: string | undefined): Fault {
  const name = /^--?([^=]+)$/.exec(before ?? '')?.[1];
  const afterBoolean = definitions.some((flag) => flag.name === name && flag.type === 'boolean');
  let why = 'the agent takes flags only';
  if (afterBoolean && (TRUE.has(word) || FALSE.has(word)))
    why = `write -${name}=${word}: the value needs the equals sign`;
  if (word === '\\') why = 'a line of a unit file goes on after one backslash, not after two';
  return new Fault('usage.flag', { what: `unexpected argument ${JSON.stringify(word)}`, why });
}

function unknownFlag(definitions: readonly FlagDefinition[], name: string): Fault {
  const near = definitions.map((flag) => flag.name).find((known) => known.startsWith(name) || name.startsWith(known));
  return new Fault('usage.flag', {
    what: `flag provided but not defined: -${name}`,
    ...(near === undefined ? {} : { why: `did you mean -${near}?` }),
  });
}
