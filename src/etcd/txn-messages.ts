/** The messages of KV.Txn (etcd api/etcdserverpb/rpc.proto). */
import type { Compare, RequestOp, ResponseOp, TxnRequest, TxnResponse } from './api.ts';
import { decodeHeader, decodeRevision } from './header-message.ts';
import { decodeDelete, decodeRange, writeDelete, writePut, writeRange } from './kv-messages.ts';
import { malformed, type ProtobufReader } from './protobuf-reader.ts';
import { ProtobufWriter } from './protobuf-writer.ts';

/** `target` is the enum CompareTarget, `field` the one of Compare's union that holds the operand; EQUAL is result 0. */
const COMPARE = {
  version: { target: 0, field: 4 },
  createRevision: { target: 1, field: 5 },
  modRevision: { target: 2, field: 6 },
} as const;
const VALUE = { target: 3, field: 7 };

export function encodeTxn(request: TxnRequest): Buffer {
  const writer = new ProtobufWriter();
  for (const compare of request.compare) writer.message(1, (inner) => writeCompare(inner, compare));
  for (const op of request.success) writer.message(2, (inner) => writeOp(inner, op));
  for (const op of request.failure ?? []) writer.message(3, (inner) => writeOp(inner, op));
  return writer.finish();
}

function writeCompare(writer: ProtobufWriter, compare: Compare): void {
  if (compare.target === 'value') {
    writer.integer(2, VALUE.target).text(3, compare.key).text(VALUE.field, compare.equals);
    return;
  }
  const { target, field } = COMPARE[compare.target];
  writer.integer(2, target).text(3, compare.key).integer(field, compare.equals);
}

function writeOp(writer: ProtobufWriter, op: RequestOp): void {
  switch (op.type) {
    case 'range':
      writer.message(1, (inner) => writeRange(inner, op));
      break;
    case 'put':
      writer.message(2, (inner) => writePut(inner, op));
      break;
    case 'delete':
      writer.message(3, (inner) => writeDelete(inner, op));
      break;
  }
}

export function decodeTxn(reader: ProtobufReader): TxnResponse {
  let revision = 0;
  let succeeded = false;
  const responses: ResponseOp[] = [];
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    if (field === 1) ({ revision } = decodeHeader(reader.message()));
    else if (field === 2) succeeded = reader.boolean();
    else if (field === 3) responses.push(decodeOp(reader.message()));
    else reader.skip();
  }
  return { revision, succeeded, responses };
}

function decodeOp(reader: ProtobufReader): ResponseOp {
  let op: ResponseOp | undefined;
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    if (field === 1) {
      const { revision, kvs, count, more } = decodeRange(reader.message());
      op = { type: 'range', revision, kvs, count, more };
    } else if (field === 2) op = { type: 'put', revision: decodeRevision(reader.message()).revision };
    else if (field === 3) op = { type: 'delete', deleted: decodeDelete(reader.message()).deleted };
    else reader.skip();
  }
  if (op === undefined) throw malformed('a transaction has an answer of unknown kind');
  return op;
}
