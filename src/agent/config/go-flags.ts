/**
 * Go's flag syntax, which flannel's unit files use: `-x v`, `--x=v`, `-bool`, `-bool=false`; parsing stops at the first
 * word that is no flag (spec §3.1). Each flag may also come from the environment, which the command line overrides.
 */
import { Fault } from '#runtime/fault.ts';

export interface FlagDefinition {
  readonly name: string;
  readonly type: 'string' | 'boolean' | 'integer' | 'list';
  /** Text shown as the default; empty means none. */
  readonly default: string;
  readonly help: string;
}

export type FlagValues = ReadonlyMap<string, readonly string[]>;

const TRUE = new Set(['1', 't', 'T', 'true', 'TRUE', 'True']);
const FALSE = new Set(['0', 'f', 'F', 'false', 'FALSE', 'False']);

/** Values by flag name, in the order given; a boolean is `true` or `false`. Throws Fault `usage.flag`. */
export function parseGoFlags(definitions: readonly FlagDefinition[], argv: readonly string[]): FlagValues {
  const values = new Map<string, string[]>();
  for (let index = 0; index < argv.length; index += 1) {
    const word = argv[index] ?? '';
    const match = /^--?([^-=][^=]*)(?:=([\s\S]*))?$/.exec(word);
    if (match === null) throw unexpectedWord(word);
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
    if (text === undefined || text === '' || merged.has(definition.name) || definition.name === 'version') continue;
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
  if (definition.type === 'integer' && !/^[+-]?\d{1,9}$/.test(value)) {
    throw new Fault('usage.flag', { what: `${source} wants a whole number, got ${JSON.stringify(value)}` });
  }
  return value;
}

function unexpectedWord(word: string): Fault {
  return new Fault('usage.flag', {
    what: `unexpected argument ${JSON.stringify(word)}`,
    why: 'the agent takes flags only',
  });
}

function unknownFlag(definitions: readonly FlagDefinition[], name: string): Fault {
  const near = definitions.map((flag) => flag.name).find((known) => known.startsWith(name) || name.startsWith(known));
  return new Fault('usage.flag', {
    what: `flag provided but not defined: -${name}`,
    ...(near === undefined ? {} : { why: `did you mean -${near}?` }),
  });
}
