/** Shapes of lists, and of maps whose keys the operator chooses. */
import { formatPath } from '#inventory/source/node.ts';
import { isEmpty, nothingThere, refusal, type Shape } from './shape.ts';

/** A list; with `unique`, of different scalars. */
export function list<T>(
  item: Shape<T>,
  { least = 0, most, unique = false }: { readonly least?: number; readonly most: number; readonly unique?: boolean },
): Shape<readonly T[]> {
  return {
    schema: {
      type: 'array',
      items: item.schema,
      ...(least > 0 && { minItems: least }),
      maxItems: most,
      ...(unique && { uniqueItems: true }),
    },
    sample: Array.from({ length: least }, () => item.sample),
    read(node, path, report) {
      if (node.kind !== 'list') {
        report(path, node.place, isEmpty(node) ? nothingThere('a list') : refusal(node, 'a list'));
        return [];
      }
      if (node.items.length < least)
        report(path, node.place, `needs at least ${least} ${least === 1 ? 'entry' : 'entries'}`);
      if (node.items.length > most) report(path, node.place, `has ${node.items.length} entries: at most ${most}`);
      const seen = new Map<unknown, number>();
      node.items.forEach((entry, index) => {
        if (!unique || entry.kind !== 'scalar') return;
        const first = seen.get(entry.value);
        if (first === undefined) seen.set(entry.value, index);
        else report([...path, index], entry.place, `is there already, as ${formatPath([...path, first])}`);
      });
      return node.items.map((entry, index) => item.read(entry, [...path, index], report));
    },
  };
}

/** A map with keys of the operator's own. */
export function dictionary<T>(
  key: { readonly expected: string; readonly pattern: RegExp },
  value: Shape<T>,
  most: number,
): Shape<{ readonly [name: string]: T }> {
  return {
    schema: {
      type: 'object',
      propertyNames: { pattern: key.pattern.source },
      additionalProperties: value.schema,
      maxProperties: most,
    },
    sample: {},
    read(node, path, report) {
      if (node.kind !== 'map') {
        report(path, node.place, isEmpty(node) ? nothingThere('a map') : refusal(node, 'a map'));
        return {};
      }
      if (node.entries.length > most) report(path, node.place, `has ${node.entries.length} entries: at most ${most}`);
      const members = node.entries.map((entry): [string, T] => {
        const below = [...path, entry.key];
        if (!key.pattern.test(entry.key)) report(below, entry.place, `the key must be ${key.expected}`);
        return [entry.key, value.read(entry.value, below, report)];
      });
      return Object.fromEntries(members);
    },
  };
}
