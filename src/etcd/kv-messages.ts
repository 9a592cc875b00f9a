/** The messages of etcdserverpb.KV but for Txn: range, put, delete, compact (etcd api/etcdserverpb/rpc.proto, mvccpb/kv.proto). */
import type { DeleteRequest, KeyValue, PutRequest, RangeRequest, RangeResponse } from './api.ts';
import { decodeHeader, NO_HEADER, type ResponseHeader } from './header-message.ts';
import { fieldByField, type MessageDecoder } from './message-decoder.ts';
import type { ProtobufReader } from './protobuf-reader.ts';
import { ProtobufWriter } from './protobuf-writer.ts';

export function writeRange(writer: ProtobufWriter, request: RangeRequest): void {
  writer
    .text(1, request.key)
    .text(2, request.rangeEnd)
    .integer(3, request.limit ?? 0)
    .integer(4, request.revision ?? 0)
    .boolean(7, request.serializable)
    .boolean(8, request.keysOnly)
    .boolean(9, request.countOnly);
}

export function writePut(writer: ProtobufWriter, request: PutRequest): void {
  writer
    .text(1, request.key)
    .text(2, request.value)
    .integer(3, request.lease ?? 0n);
}

export function writeDelete(writer: ProtobufWriter, request: DeleteRequest): void {
  writer.text(1, request.key).text(2, request.rangeEnd);
}

export function encodeCompact(revision: number): Buffer {
  return new ProtobufWriter().integer(1, revision).finish();
}

/** Keys and values are bytes in etcd; here they are taken as UTF-8. */
export function decodeKeyValue(reader: ProtobufReader): KeyValue {
  let key = '';
  let value = '';
  let createRevision = 0;
  let modRevision = 0;
  let version = 0;
  let lease = 0n;
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    if (field === 1) key = reader.text();
    else if (field === 2) createRevision = reader.integer();
    else if (field === 3) modRevision = reader.integer();
    else if (field === 4) version = reader.integer();
    else if (field === 5) value = reader.text();
    else if (field === 6) lease = reader.bigInteger();
    else reader.skip();
  }
  return { key, value, createRevision, modRevision, version, lease };
}

/** A range answer and the header it came with. */
export type RangeAnswer = RangeResponse & { readonly header: ResponseHeader };

/** Decodes a range answer while it arrives. */
export function rangeDecoder(): MessageDecoder<RangeAnswer> {
  const answer = new RangeBuilder();
  return fieldByField(
    (field, reader) => answer.take(field, reader),
    () => answer.finish(),
  );
}

export function decodeRange(reader: ProtobufReader): RangeAnswer {
  const answer = new RangeBuilder();
  for (let field = reader.field(); field !== 0; field = reader.field()) answer.take(field, reader);
  return answer.finish();
}

class RangeBuilder {
  #header = NO_HEADER;
  #kvs: KeyValue[] = [];
  #more = false;
  #count = 0;

  take(field: number, reader: ProtobufReader): void {
    if (field === 1) this.#header = decodeHeader(reader.message());
    else if (field === 2) this.#kvs.push(decodeKeyValue(reader.message()));
    else if (field === 3) this.#more = reader.boolean();
    else if (field === 4) this.#count = reader.integer();
    else reader.skip();
  }

  finish(): RangeAnswer {
    const header = this.#header;
    return { header, revision: header.revision, kvs: this.#kvs, count: this.#count, more: this.#more };
  }
}

export function decodeDelete(reader: ProtobufReader): { readonly deleted: number; readonly revision: number } {
  let revision = 0;
  let deleted = 0;
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    if (field === 1) ({ revision } = decodeHeader(reader.message()));
    else if (field === 2) deleted = reader.integer();
    else reader.skip();
  }
  return { deleted, revision };
}
