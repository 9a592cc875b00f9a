/** Shapes of single values: words, whole numbers, choices, switches. */
import { nearestWord } from '#cli/nearest-word.ts';
import { excerptOf } from '#inventory/source/node.ts';
import { isEmpty, nothingThere, refusal, type Shape, scalar } from './shape.ts';

export interface TextOptions {
  /** Completes "must be …". */
  readonly expected: string;
  /** Anchored at both ends; it goes into the JSON Schema as it is, so it has no flags. */
  readonly pattern: RegExp;
  readonly sample: string;
  /** Characters; default 4096. */
  readonly longest?: number;
  readonly secret?: boolean;
}

export function text(options: TextOptions): Shape<string> {
  return parsedText({ ...options, parse: (value) => value });
}

/** A text that stands for a value. The pattern may let texts pass that `parse` refuses: an editor then sees less than we do. */
export function parsedText<T>(options: TextOptions & { readonly parse: (text: string) => T | undefined }): Shape<T> {
  const { expected, pattern, parse, longest = 4096, secret = false } = options;
  const sample = parse(options.sample);
  if (sample === undefined || !pattern.test(options.sample)) throw new Error(`a bad sample: ${options.sample}`);
  return scalar({
    schema: { type: 'string', pattern: pattern.source, maxLength: longest },
    expected,
    sample,
    secret,
    parse: (value) =>
      typeof value === 'string' && value.length <= longest && pattern.test(value) ? parse(value) : undefined,
  });
}

/** A whole number between two limits, both included; `unit` is for the message. */
export function integer(least: number, most: number, unit = ''): Shape<number> {
  return scalar({
    schema: { type: 'integer', minimum: least, maximum: most },
    expected: `a whole number${unit === '' ? '' : ` of ${unit}`} from ${least} to ${most}`,
    sample: least,
    parse: (value) =>
      typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most ? value : undefined,
  });
}

/** A number that may have a fraction. */
export function decimal(least: number, most: number, unit: string): Shape<number> {
  return scalar({
    schema: { type: 'number', minimum: least, maximum: most },
    expected: `a number of ${unit} from ${least} to ${most}`,
    sample: least,
    parse: (value) => (typeof value === 'number' && value >= least && value <= most ? value : undefined),
  });
}

export const flag: Shape<boolean> = scalar({
  schema: { type: 'boolean' },
  expected: 'true or false',
  sample: false,
  parse: (value) => (typeof value === 'boolean' ? value : undefined),
});

/** One of some words; a mistyped one is told the nearest. */
export function choice<const Word extends string>(words: readonly [Word, ...Word[]]): Shape<Word> {
  const expected = `one of ${words.join(', ')}`;
  return {
    schema: { type: 'string', enum: words },
    sample: words[0],
    read(node, path, report) {
      const found = node.kind === 'scalar' ? words.find((word) => word === node.value) : undefined;
      if (found !== undefined) return found;
      const near = node.kind === 'scalar' ? nearestWord(String(node.value), words) : undefined;
      const what =
        near === undefined
          ? refusal(node, expected)
          : `${excerptOf(node)} is unknown: did you mean ${near}? (${expected})`;
      report(path, node.place, isEmpty(node) ? nothingThere(expected) : what);
      return words[0];
    },
  };
}

/** `false` to leave something out altogether, or the shape. */
export function falseOr<T>(shape: Shape<T>): Shape<T | false> {
  return {
    schema: { anyOf: [{ const: false }, shape.schema] },
    sample: shape.sample,
    read: (node, path, report) =>
      node.kind === 'scalar' && node.value === false ? false : shape.read(node, path, report),
  };
}

/** A word or a whole number, as text. */
export function textOrInteger(options: TextOptions): Shape<string> {
  const { expected, pattern, longest = 4096, sample } = options;
  return scalar({
    schema: { anyOf: [{ type: 'string', pattern: pattern.source, maxLength: longest }, { type: 'integer' }] },
    expected,
    sample,
    parse: (value) => {
      if (typeof value === 'number') return Number.isInteger(value) ? String(value) : undefined;
      return typeof value === 'string' && value.length <= longest && pattern.test(value) ? value : undefined;
    },
  });
}
