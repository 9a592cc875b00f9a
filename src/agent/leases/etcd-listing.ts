/**
 * All pairs of a range of keys at one revision. One answer as a rule; where somebody has written so much below the prefix that
 * the client refuses an answer of that size, the same in pages, so that huge values harm nobody but themselves.
 */
import type { Etcd, KeyValue } from '#etcd/api.ts';
import { Fault } from '#runtime/fault.ts';

const FIRST_PAGE = 512;
/** By which a page is made smaller that is too large as well. */
const SHRINK = 8;

/** Calls `take` for each pair in the order of the keys; returns the revision. Throws the Faults of etcd. */
export async function listRange(
  etcd: Etcd,
  key: string,
  rangeEnd: string,
  take: (pair: KeyValue) => void,
): Promise<number> {
  try {
    const { revision, kvs } = await etcd.range({ key, rangeEnd });
    for (const pair of kvs) take(pair);
    return revision;
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== 'etcd.protocol') throw error;
  }
  return listPages(etcd, key, rangeEnd, take);
}

async function listPages(etcd: Etcd, key: string, rangeEnd: string, take: (pair: KeyValue) => void): Promise<number> {
  const { revision } = await etcd.range({ key, rangeEnd, countOnly: true });
  let from = key;
  let limit = FIRST_PAGE;
  for (;;) {
    try {
      const { kvs, more } = await etcd.range({ key: from, rangeEnd, revision, limit });
      for (const pair of kvs) take(pair);
      const last = kvs.at(-1)?.key;
      if (!more || last === undefined) return revision;
      const next = `${last}\0`;
      // A key that is no text is read as another one, behind which the same page may begin.
      if (next <= from) throw new Fault('etcd.protocol', { what: 'a key below the prefix is no text', where: last });
      from = next;
    } catch (error) {
      if (!(error instanceof Fault) || error.code !== 'etcd.protocol' || limit === 1) throw error;
      limit = Math.max(1, Math.floor(limit / SHRINK));
    }
  }
}
