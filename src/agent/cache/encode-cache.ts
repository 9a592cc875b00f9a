/**
 * The text of a cache file: one line with magic, version, checksum and length of what follows, then one JSON object.
 * Ten thousand leases take tens of milliseconds, so the text is made in slices between which other work runs.
 */
import { createHash } from 'node:crypto';
import type { Lease } from '#model/lease.ts';
import { encodeLeaseRecord } from '#model/lease-record.ts';
import { formatSubnetKey } from '#model/subnet-key.ts';
import type { AgentCache, StoreIdentity } from './agent-cache.ts';

export const CACHE_MAGIC = 'weft-agent-cache';
/** Another number for every change of the form: a file of another version is refused, never guessed at. */
export const CACHE_VERSION = 1;

/** Peers of one slice: about a millisecond. */
const SLICE = 200;

/** The file in pieces. `rest` lets other work run between two of them. */
export async function encodeCache(
  cache: AgentCache,
  store: StoreIdentity,
  rest: () => Promise<void>,
): Promise<readonly Buffer[]> {
  const { machine, document, revision, own, peers } = cache;
  const body: Buffer[] = [];
  const hash = createHash('sha256');
  let bytes = 0;
  const append = (text: string): void => {
    const piece = Buffer.from(text);
    body.push(piece);
    hash.update(piece);
    bytes += piece.length;
  };
  const head = JSON.stringify({ store, machine, revision, document, own: leaseRow(own) });
  append(`${head.slice(0, -1)},"peers":[`);
  for (let from = 0; from < peers.length; from += SLICE) {
    if (from > 0) await rest();
    const rows = peers.slice(from, from + SLICE).map((lease) => JSON.stringify(leaseRow(lease)));
    append(`${from === 0 ? '' : ','}\n${rows.join(',\n')}`);
  }
  append(']}\n');
  const header = `${CACHE_MAGIC} ${CACHE_VERSION} sha256:${hash.digest('hex')} ${bytes}\n`;
  return [Buffer.from(header), ...body];
}

/** Name, value, whether it never expires, revisions of creation and last write: as the store has them. */
function leaseRow({ subnet, attributes, reservation, created, modified }: Lease): readonly unknown[] {
  return [formatSubnetKey(subnet), encodeLeaseRecord(attributes), reservation, created, modified];
}
