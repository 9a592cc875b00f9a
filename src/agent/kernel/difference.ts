/** What is missing or different, and what is too much, between two lists of entries with the same key. */
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
