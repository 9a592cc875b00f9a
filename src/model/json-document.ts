/**
 * JSON as Go's decoder reads it, where that differs from JSON.parse: member names match without regard to case, the last
 * match in the text wins, and `24`, `24.0` and `"24"` are different things (spec §1.1).
 */
import type { Json } from './lease.ts';

export interface JsonMember {
  readonly name: string;
  /** The value as written. */
  readonly text: string;
}

/** What two names have in common when Go takes them for the same one. */
export function foldName(name: string): string {
  return name.toUpperCase().toLowerCase();
}

/** The value of the last member of that name, whatever its case. `folded` is a name folded already. */
export function memberOf(object: { readonly [name: string]: Json }, folded: string): Json | undefined {
  let found: Json | undefined;
  for (const name of Object.keys(object)) if (name === folded || foldName(name) === folded) found = object[name];
  return found;
}

export function isJsonObject(value: Json | undefined): value is { readonly [name: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether both say the same, in whatever order the members come. */
export function sameJson(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item: Json, at) => sameJson(item, b[at]));
  }
  if (!isJsonObject(a) || !isJsonObject(b)) return false;
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => name in b && sameJson(a[name], b[name]));
}

const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]/gs;

/** Members of an object in the order of the text, duplicates too. The text must be valid JSON of an object. */
export function jsonMembers(text: string): readonly JsonMember[] {
  const members: JsonMember[] = [];
  let depth = 0;
  let name: string | undefined;
  let start = 0;
  for (const match of text.matchAll(TOKEN)) {
    const [token] = match;
    if (depth === 1 && name !== undefined && (token === ',' || token === '}')) {
      members.push({ name, text: text.slice(start, match.index).trim() });
      name = undefined;
    }
    if (token === '{' || token === '[') depth++;
    else if (token === '}' || token === ']') depth--;
    else if (depth === 1 && token === ':') start = match.index + 1;
    else if (depth === 1 && name === undefined && token !== ',') name = String(JSON.parse(token));
  }
  return members;
}

/** Whether nothing in it is nested deeper than so many levels. */
export function isShallow(value: Json | undefined, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return levels > 0 && Object.values(value).every((member: Json) => isShallow(member, levels - 1));
}

/** A hostile value, short enough for a message. Only scalars are shown: deep nesting would overflow the writer. */
export function jsonExcerpt(value: Json | undefined): string {
  if (value === undefined) return 'missing';
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? '[…]' : '{…}';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
