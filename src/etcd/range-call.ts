/** The range call, which both the client and its watches make, and the words for key ranges in messages. */
import type { RangeRequest } from './api.ts';
import type { Call } from './endpoints.ts';
import { type RangeAnswer, rangeDecoder, writeRange } from './kv-messages.ts';
import { encoded } from './protobuf-writer.ts';

export function rangeCall(request: RangeRequest): Call<RangeAnswer> {
  return {
    path: '/etcdserverpb.KV/Range',
    asked: `read ${span(request)}`,
    message: encoded((writer) => writeRange(writer, request)),
    decoder: rangeDecoder,
    repeatable: true,
  };
}

/** `"/a"` for a key, `"/a/"…"/a0"` for a range. */
export function span({ key, rangeEnd }: { readonly key: string; readonly rangeEnd?: string }): string {
  return rangeEnd === undefined ? quoted(key) : `${quoted(key)}…${quoted(rangeEnd)}`;
}

export function quoted(key: string): string {
  return JSON.stringify(key);
}
