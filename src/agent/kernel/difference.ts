/**
 * What is missing or different, and what is too much, between two lists of entries with the same key. What both lists begin
 * and end with is found by walking along them: of ten thousand entries a lease that changes moves a few, and a table of all
 * others costs more than the rest of the pass.
 */
export interface Difference<Entry> {
  /** Wanted entries that are absent or present in another form. */
  readonly missing: Entry[];
  /** Present entries that nobody wants. */
  readonly surplus: Entry[];
}

export function difference<Entry>(
  wanted: readonly Entry[],
  present: readonly Entry[],
  key: (entry: Entry) => string | number | bigint,
  same: (a: Entry, b: Entry) => boolean,
): Difference<Entry> {
  const isSame = (a: Entry | undefined, b: Entry | undefined): boolean =>
    a === b || (a !== undefined && b !== undefined && key(a) === key(b) && same(a, b));
  const shorter = Math.min(wanted.length, present.length);
  let begin = 0;
  while (begin < shorter && isSame(wanted[begin], present[begin])) begin += 1;
  let end = 0;
  while (end < shorter - begin && isSame(wanted.at(-1 - end), present.at(-1 - end))) end += 1;
  return betweenThem(wanted.slice(begin, wanted.length - end), present.slice(begin, present.length - end), key, same);
}

function betweenThem<Entry>(
  wanted: readonly Entry[],
  present: readonly Entry[],
  key: (entry: Entry) => string | number | bigint,
  same: (a: Entry, b: Entry) => boolean,
): Difference<Entry> {
  const rest = new Map<string | number | bigint, Entry>();
  const surplus: Entry[] = [];
  for (const entry of present) {
    const id = key(entry);
    const twin = rest.get(id);
    if (twin !== undefined) surplus.push(twin);
    rest.set(id, entry);
  }
  const missing = wanted.filter((entry) => {
    const id = key(entry);
    const found = rest.get(id);
    rest.delete(id);
    return found === undefined || !same(found, entry);
  });
  surplus.push(...rest.values());
  return { missing, surplus };
}
