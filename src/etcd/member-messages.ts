/** The messages of Maintenance.Status and Auth.Authenticate (etcd api/etcdserverpb/rpc.proto). */
import type { MemberStatus } from './api.ts';
import { decodeHeader } from './header-message.ts';
import type { ProtobufReader } from './protobuf-reader.ts';
import { ProtobufWriter } from './protobuf-writer.ts';

export function decodeStatus(reader: ProtobufReader): Omit<MemberStatus, 'endpoint'> {
  let memberId = 0n;
  let leaderId = 0n;
  let version = '';
  let dbSizeBytes = 0;
  let raftTerm = 0;
  let raftIndex = 0;
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    if (field === 1) ({ memberId } = decodeHeader(reader.message()));
    else if (field === 2) version = reader.text();
    else if (field === 3) dbSizeBytes = reader.integer();
    else if (field === 4) leaderId = BigInt.asUintN(64, reader.bigInteger());
    else if (field === 5) raftIndex = reader.integer();
    else if (field === 6) raftTerm = reader.integer();
    else reader.skip();
  }
  return { memberId, leaderId, version, dbSizeBytes, raftTerm, raftIndex };
}

export function encodeAuthenticate(username: string, password: string): Buffer {
  return new ProtobufWriter().text(1, username).text(2, password).finish();
}

/** The token to send with every later call. */
export function decodeAuthenticate(reader: ProtobufReader): string {
  let token = '';
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    if (field === 2) token = reader.text();
    else reader.skip();
  }
  return token;
}
