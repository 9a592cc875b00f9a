/** ResponseHeader: who answered, and at which revision and term (etcd api/etcdserverpb/rpc.proto). */
import type { ProtobufReader } from './protobuf-reader.ts';

export interface ResponseHeader {
  readonly clusterId: bigint;
  readonly memberId: bigint;
  readonly revision: number;
  readonly raftTerm: number;
}

export const NO_HEADER: ResponseHeader = { clusterId: 0n, memberId: 0n, revision: 0, raftTerm: 0 };

export function decodeHeader(reader: ProtobufReader): ResponseHeader {
  let clusterId = 0n;
  let memberId = 0n;
  let revision = 0;
  let raftTerm = 0;
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    if (field === 1) clusterId = BigInt.asUintN(64, reader.bigInteger());
    else if (field === 2) memberId = BigInt.asUintN(64, reader.bigInteger());
    else if (field === 3) revision = reader.integer();
    else if (field === 4) raftTerm = reader.integer();
    else reader.skip();
  }
  return { clusterId, memberId, revision, raftTerm };
}

/** Decodes an answer of which only the header's revision counts (field 1). */
export function decodeRevision(reader: ProtobufReader): { readonly revision: number } {
  let revision = 0;
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    if (field === 1) ({ revision } = decodeHeader(reader.message()));
    else reader.skip();
  }
  return { revision };
}
