/** The messages of Watch.Watch (etcd api/etcdserverpb/rpc.proto). */
import type { KeyValue, WatchEvent, WatchRequest } from './api.ts';
import { decodeHeader, NO_HEADER, type ResponseHeader } from './header-message.ts';
import { decodeKeyValue } from './kv-messages.ts';
import { malformed, type ProtobufReader } from './protobuf-reader.ts';
import { ProtobufWriter } from './protobuf-writer.ts';

/** Asks for progress notices and for large answers in fragments. */
export function encodeWatchCreate(request: WatchRequest): Buffer {
  return new ProtobufWriter()
    .message(1, (create) =>
      create
        .text(1, request.key)
        .text(2, request.rangeEnd)
        .integer(3, request.startRevision)
        .boolean(4, true)
        .boolean(8, true),
    )
    .finish();
}

export interface WatchAnswer {
  readonly header: ResponseHeader;
  readonly created: boolean;
  readonly canceled: boolean;
  /** Not 0: the revisions before this one are compacted away. */
  readonly compactRevision: number;
  readonly cancelReason: string;
  /** More of the same answer follows. */
  readonly fragment: boolean;
  readonly events: readonly WatchEvent[];
}

export function decodeWatch(reader: ProtobufReader): WatchAnswer {
  let header = NO_HEADER;
  let created = false;
  let canceled = false;
  let compactRevision = 0;
  let cancelReason = '';
  let fragment = false;
  const events: WatchEvent[] = [];
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    if (field === 1) header = decodeHeader(reader.message());
    else if (field === 3) created = reader.boolean();
    else if (field === 4) canceled = reader.boolean();
    else if (field === 5) compactRevision = reader.integer();
    else if (field === 6) cancelReason = reader.text();
    else if (field === 7) fragment = reader.boolean();
    else if (field === 11) events.push(decodeEvent(reader.message()));
    else reader.skip();
  }
  return { header, created, canceled, compactRevision, cancelReason, fragment, events };
}

function decodeEvent(reader: ProtobufReader): WatchEvent {
  let isDelete = false;
  let kv: KeyValue | undefined;
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    if (field === 1) isDelete = reader.integer() === 1;
    else if (field === 2) kv = decodeKeyValue(reader.message());
    else reader.skip();
  }
  if (kv === undefined) throw malformed('an event has no key');
  return isDelete ? { type: 'delete', key: kv.key, revision: kv.modRevision } : { type: 'put', kv };
}
