/** A YAML or JSON text as plain values that know where they stand. Nothing here knows what an inventory is. */
import type { Json } from '#model/lease.ts';

/** Both count from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

export interface MapEntry {
  readonly key: string;
  /** Of the key. */
  readonly place: Place;
  readonly value: SourceNode;
}

export interface MapNode {
  readonly kind: 'map';
  readonly place: Place;
  /** In the order of the text; no key is there twice. */
  readonly entries: readonly MapEntry[];
}

export interface ListNode {
  readonly kind: 'list';
  readonly place: Place;
  readonly items: readonly SourceNode[];
}

export interface ScalarNode {
  readonly kind: 'scalar';
  readonly place: Place;
  readonly value: string | number | boolean | null;
}

export type SourceNode = MapNode | ListNode | ScalarNode;

/** Keys and indexes from the root: `['hosts', 2, 'address']`. */
export type Path = readonly (string | number)[];

/** `hosts[2].address`; the root is the empty text. */
export function formatPath(path: Path): string {
  return path.map((step, index) => (typeof step === 'number' ? `[${step}]` : index === 0 ? step : `.${step}`)).join('');
}

/** Where that path stands in the text; when it is not written, where the nearest part above it does. */
export function placeOf(root: SourceNode, path: Path): Place {
  let node = root;
  let place = root.place;
  for (const step of path) {
    if (node.kind === 'list' && typeof step === 'number') {
      const item = node.items[step];
      if (item === undefined) return place;
      node = item;
      place = item.place;
    } else if (node.kind === 'map') {
      const entry = node.entries.find(({ key }) => key === step);
      if (entry === undefined) return place;
      node = entry.value;
      place = entry.place;
    } else return place;
  }
  return place;
}

/** A value that is written nowhere (a default), as if it stood at that place. */
export function nodeOf(value: Json, place: Place): SourceNode {
  if (Array.isArray(value)) return { kind: 'list', place, items: value.map((item: Json) => nodeOf(item, place)) };
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(([key, member]) => ({ key, place, value: nodeOf(member, place) }));
    return { kind: 'map', place, entries };
  }
  return { kind: 'scalar', place, value };
}

/** A value short enough for a message. */
export function excerptOf(node: SourceNode): string {
  if (node.kind === 'map') return 'a map';
  if (node.kind === 'list') return 'a list';
  const text = JSON.stringify(node.value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
