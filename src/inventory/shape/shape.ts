/**
 * Shape: what a part of the inventory looks like. It is the one definition behind three things: reading with every problem at
 * once, the JSON Schema for editors, and the tables of docs/operating/inventory.md.
 */
import { excerptOf, type Path, type SourceNode } from '#inventory/source/node.ts';
import type { JsonSchema } from './schema.ts';

/**
 * Told of each problem and where it stands. `surplus`: a key that is too much; what is around it was read all the same. A
 * problem without it makes the value at that path worthless.
 */
export type Report = (path: Path, place: SourceNode['place'], what: string, kind?: 'surplus') => void;

export interface Shape<T> {
  readonly schema: JsonSchema;
  /** A good value. It stands in for one that cannot be read, so that reading goes on and finds the other problems. */
  readonly sample: T;
  /** The value; the sample after a problem was reported. */
  read(node: SourceNode, path: Path, report: Report): T;
}

/** The type of the values of a shape. */
export type ValueOf<S> = S extends Shape<infer T> ? T : never;

/** What a scalar's reader makes of a value: undefined when it is not of the shape. */
export interface ScalarOptions<T> {
  readonly schema: JsonSchema;
  /** Completes "must be …". */
  readonly expected: string;
  readonly sample: T;
  readonly parse: (value: string | number | boolean) => T | undefined;
  /** The value is never part of a message. */
  readonly secret?: boolean;
}

export function scalar<T>({ schema, expected, sample, parse, secret = false }: ScalarOptions<T>): Shape<T> {
  return {
    schema,
    sample,
    read(node, path, report) {
      const written = node.kind === 'scalar' && node.value !== null ? node.value : undefined;
      const value = written === undefined ? undefined : parse(written);
      if (value !== undefined) return value;
      report(path, node.place, isEmpty(node) ? nothingThere(expected) : refusal(node, expected, secret));
      return sample;
    },
  };
}

/** Whether a key is there with nothing behind it. */
export function isEmpty(node: SourceNode): boolean {
  return node.kind === 'scalar' && node.value === null;
}

export function nothingThere(expected: string): string {
  return `has no value: write ${expected}, or leave the key out`;
}

export function refusal(node: SourceNode, expected: string, secret = false): string {
  return secret ? `must be ${expected}` : `must be ${expected}, not ${excerptOf(node)}`;
}
