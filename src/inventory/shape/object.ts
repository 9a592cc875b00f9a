/**
 * Shapes of maps with known keys. `build` says which fields there are and what becomes of them; it runs once on samples, to
 * learn the schema, and once per map that is read.
 */
import { nearestWord } from '#cli/nearest-word.ts';
import { type MapNode, nodeOf, type Path, type SourceNode } from '#inventory/source/node.ts';
import type { Json } from '#model/lease.ts';
import type { JsonSchema } from './schema.ts';
import { isEmpty, nothingThere, type Report, refusal, type Shape } from './shape.ts';

/** `about` is one line for the operator: what it is, its unit, and what holds when it is absent and that is no constant. */
export interface Fields {
  required<T>(name: string, about: string, shape: Shape<T>): T;
  optional<T>(name: string, about: string, shape: Shape<T>): T | undefined;
  /** `written` is the default as it would stand in the file. */
  fallback<T>(name: string, about: string, shape: Shape<T>, written: Json): T;
}

export type Build<T> = (fields: Fields) => T;

export function object<T>(build: Build<T>): Shape<T> {
  const { schema, sample } = describe(build);
  return {
    schema,
    sample,
    read(node, path, report) {
      if (node.kind !== 'map') {
        report(path, node.place, isEmpty(node) ? nothingThere('a map') : refusal(node, 'a map'));
        return sample;
      }
      refuseUnknown(node, Object.keys(schema.properties ?? {}), path, report);
      return build(reading(node, path, report));
    },
  };
}

/** One of several maps, told apart by the word under `tag`. The first is the one that an untold map is compared with. */
export function variants<T>(
  tag: string,
  about: string,
  builds: readonly [readonly [word: string, build: Build<T>], ...(readonly [word: string, build: Build<T>])[]],
): Shape<T> {
  const shapes = builds.map(([word, build]) => ({ word, shape: object(tagged(tag, about, word, build)) }));
  const words = shapes.map(({ word }) => word);
  const expected = `one of ${words.join(', ')}`;
  const [[, first]] = builds;
  const { sample } = describe(first);
  return {
    schema: { anyOf: shapes.map(({ shape }) => shape.schema) },
    sample,
    read(node, path, report) {
      if (node.kind !== 'map') {
        report(path, node.place, isEmpty(node) ? nothingThere('a map') : refusal(node, 'a map'));
        return sample;
      }
      const entry = node.entries.find(({ key }) => key === tag);
      const known = shapes.find(({ word }) => entry?.value.kind === 'scalar' && entry.value.value === word);
      if (known !== undefined) return known.shape.read(node, path, report);
      if (entry === undefined) report(path, node.place, `needs ${tag}: ${expected}`);
      else report([...path, tag], entry.value.place, unknownWord(entry.value, words, expected));
      return sample;
    },
  };
}

function tagged<T>(tag: string, about: string, word: string, build: Build<T>): Build<T> {
  const only: Shape<string> = { schema: { const: word }, sample: word, read: () => word };
  return (fields) => {
    fields.required(tag, about, only);
    return build(fields);
  };
}

function unknownWord(node: SourceNode, words: readonly string[], expected: string): string {
  const near = node.kind === 'scalar' ? nearestWord(String(node.value), words) : undefined;
  return near === undefined ? refusal(node, expected) : `${refusal(node, expected)}: did you mean ${near}?`;
}

function describe<T>(build: Build<T>): { readonly schema: JsonSchema; readonly sample: T } {
  const properties: Record<string, JsonSchema> = {};
  const required: string[] = [];
  const add = (name: string, schema: JsonSchema): void => {
    if (name in properties) throw new Error(`the field ${name} is described twice`);
    properties[name] = schema;
  };
  const sample = build({
    required(name, description, shape) {
      add(name, { description, ...shape.schema });
      required.push(name);
      return shape.sample;
    },
    optional(name, description, shape) {
      add(name, { description, ...shape.schema });
      return undefined;
    },
    fallback(name, description, shape, written) {
      add(name, { description, ...shape.schema, default: written });
      return readDefault(name, shape, written);
    },
  });
  const schema: JsonSchema = { type: 'object', properties, required, additionalProperties: false };
  return { schema, sample };
}

function reading(node: MapNode, path: Path, report: Report): Fields {
  const entries = new Map(node.entries.map((entry) => [entry.key, entry.value]));
  return {
    required(name, _, shape) {
      const value = entries.get(name);
      if (value !== undefined) return shape.read(value, [...path, name], report);
      report([...path, name], node.place, `${name} is missing`);
      return shape.sample;
    },
    optional(name, _, shape) {
      const value = entries.get(name);
      return value === undefined ? undefined : shape.read(value, [...path, name], report);
    },
    fallback(name, _, shape, written) {
      const value = entries.get(name);
      return value === undefined ? readDefault(name, shape, written) : shape.read(value, [...path, name], report);
    },
  };
}

function readDefault<T>(name: string, shape: Shape<T>, written: Json): T {
  return shape.read(nodeOf(written, { line: 1, column: 1 }), [name], (_, __, what) => {
    throw new Error(`the default of ${name} is wrong: ${what}`);
  });
}

function refuseUnknown(node: MapNode, known: readonly string[], path: Path, report: Report): void {
  for (const { key, place } of node.entries) {
    if (known.includes(key)) continue;
    const near = nearestKey(key, known);
    const hint = near === undefined ? `known are ${known.join(', ')}` : `did you mean ${near}?`;
    report([...path, key], place, `${JSON.stringify(key)} is unknown: ${hint}`, 'surplus');
  }
}

/** Whatever its case, the known key that it begins; else the nearest by edits. */
function nearestKey(key: string, known: readonly string[]): string | undefined {
  const folded = key.toLowerCase();
  const begun = folded.length < 3 ? [] : known.filter((name) => name.toLowerCase().startsWith(folded));
  return known.find((name) => name.toLowerCase() === folded) ?? begun[0] ?? nearestWord(key, known);
}
