/** Reads YAML 1.2, of which JSON is a part, into nodes. Everything wrong with the text itself is found at once. */
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument } from 'yaml';
import type { MapEntry, Place, SourceNode } from './node.ts';

export interface SourceProblem {
  readonly place: Place;
  readonly what: string;
}

export interface Source {
  /** Absent when the text is empty or cannot be understood. */
  readonly root?: SourceNode;
  readonly problems: readonly SourceProblem[];
}

/** An inventory of a thousand hosts has 200 kB and ten thousand nodes. */
const LONGEST_TEXT = 4_000_000;
const MOST_NODES = 200_000;
const DEEPEST = 24;

const START: Place = { line: 1, column: 1 };

export function readSource(text: string): Source {
  if (text.length > LONGEST_TEXT) {
    return { problems: [{ place: START, what: `${text.length} characters are too many: at most ${LONGEST_TEXT}` }] };
  }
  const lines = new LineCounter();
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const document = parseDocument(text.replace(/^\ufeff/, ' '), {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: false,
    stringKeys: false,
  });
  const problems: SourceProblem[] = [...document.errors, ...document.warnings].map(({ code, message, pos }) => ({
    place: placeAt(pos[0]),
    what: code === 'MULTIPLE_DOCS' ? 'one document only: delete the line "---" and what follows' : message,
  }));
  if (document.errors.length > 0) return { problems };
  if (document.contents === null) return { problems: [...problems, { place: START, what: 'there is nothing in it' }] };

  let nodes = 0;
  const report = (place: Place, what: string): void => {
    // One text may be wrong in ten thousand places; whoever mends it needs the first ones.
    if (problems.length < 200) problems.push({ place, what });
  };
  const convert = (node: Node | null | undefined, fallback: Place, depth: number): SourceNode => {
    const place = node?.range == null ? fallback : placeAt(node.range[0]);
    nodes++;
    if (nodes === MOST_NODES) report(place, `more than ${MOST_NODES} values`);
    if (depth === DEEPEST) report(place, `nested more than ${DEEPEST} levels deep`);
    if (nodes >= MOST_NODES || depth >= DEEPEST) return { kind: 'scalar', place, value: null };
    if (isAlias(node)) {
      const target = node.resolve(document);
      if (target === undefined) report(place, `there is no anchor &${node.source} before this`);
      const { place: _, ...rest } = convert(target, place, depth + 1);
      return { ...rest, place };
    }
    if (isMap<Node, Node | null>(node)) return { kind: 'map', place, entries: entriesOf(node.items, place, depth) };
    if (isSeq<Node | null>(node)) {
      return { kind: 'list', place, items: node.items.map((item) => convert(item, place, depth + 1)) };
    }
    return { kind: 'scalar', place, value: isScalar(node) ? scalarValue(node.value) : null };
  };
  const entriesOf = (items: readonly Pair<Node, Node | null>[], above: Place, depth: number): readonly MapEntry[] => {
    const entries = new Map<string, MapEntry>();
    for (const { key: keyNode, value } of items) {
      const place = keyNode.range == null ? above : placeAt(keyNode.range[0]);
      if (!isScalar(keyNode)) {
        report(place, 'a key must be a word');
        continue;
      }
      const key = String(keyNode.value);
      const earlier = entries.get(key);
      if (earlier === undefined) entries.set(key, { key, place, value: convert(value, place, depth + 1) });
      else report(place, `${JSON.stringify(key)} is there already, in line ${earlier.place.line}`);
    }
    return [...entries.values()];
  };
  const root = convert(document.contents, START, 0);
  return { root, problems };
}

function scalarValue(value: unknown): string | number | boolean | null {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  return value === null || value === undefined ? null : String(value);
}
