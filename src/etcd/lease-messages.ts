/** The messages of etcdserverpb.Lease (etcd api/etcdserverpb/rpc.proto). */
import type { LeaseInfo } from './api.ts';
import type { ProtobufReader } from './protobuf-reader.ts';
import { ProtobufWriter } from './protobuf-writer.ts';

export function encodeLeaseGrant(ttlSeconds: number): Buffer {
  return new ProtobufWriter().integer(1, ttlSeconds).finish();
}

/** LeaseRevokeRequest and LeaseKeepAliveRequest look the same. */
export function encodeLeaseId(id: bigint): Buffer {
  return new ProtobufWriter().integer(1, id).finish();
}

export function encodeLeaseTimeToLive(id: bigint, withKeys: boolean): Buffer {
  return new ProtobufWriter().integer(1, id).boolean(2, withKeys).finish();
}

/** LeaseGrantResponse and LeaseKeepAliveResponse: the id and the TTL in seconds. */
export function decodeLease(reader: ProtobufReader): { readonly id: bigint; readonly ttlSeconds: number } {
  let id = 0n;
  let ttlSeconds = 0;
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    if (field === 2) id = reader.bigInteger();
    else if (field === 3) ttlSeconds = reader.integer();
    else reader.skip();
  }
  return { id, ttlSeconds };
}

export function decodeLeaseTimeToLive(reader: ProtobufReader): LeaseInfo {
  let ttlSeconds = 0;
  let grantedTtlSeconds = 0;
  const keys: string[] = [];
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    if (field === 3) ttlSeconds = reader.integer();
    else if (field === 4) grantedTtlSeconds = reader.integer();
    else if (field === 5) keys.push(reader.text());
    else reader.skip();
  }
  return { ttlSeconds, grantedTtlSeconds, keys };
}
