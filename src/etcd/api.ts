/**
 * The etcd v3 API as this program uses it: the seam that the HTTP/2 client implements. Keys and values are text (UTF-8).
 * Revisions are numbers (etcd counts writes: 2^53 is out of reach); lease ids are full 64-bit and therefore bigint.
 * Every verb throws a Fault (`etcd.*`) that says which of DNS, TCP, TLS, auth, time-out or refusal it was, and where.
 */
import type { Fault } from '#runtime/fault.ts';

export interface KeyValue {
  readonly key: string;
  readonly value: string;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
  /** 0n when the key has no TTL. */
  readonly lease: bigint;
}

export interface RangeRequest {
  readonly key: string;
  /** Exclusive end; `prefixEnd(key)` for a prefix; absent for the single key. */
  readonly rangeEnd?: string;
  readonly revision?: number;
  readonly limit?: number;
  readonly serializable?: boolean;
  readonly keysOnly?: boolean;
  readonly countOnly?: boolean;
}

export interface RangeResponse {
  readonly revision: number;
  readonly kvs: readonly KeyValue[];
  readonly count: number;
  readonly more: boolean;
}

export interface PutRequest {
  readonly key: string;
  readonly value: string;
  readonly lease?: bigint;
}

export interface DeleteRequest {
  readonly key: string;
  readonly rangeEnd?: string;
}

export type Compare =
  | { readonly target: 'version'; readonly key: string; readonly equals: number }
  | { readonly target: 'modRevision'; readonly key: string; readonly equals: number }
  | { readonly target: 'createRevision'; readonly key: string; readonly equals: number }
  /** Never holds for a key that is absent. */
  | { readonly target: 'value'; readonly key: string; readonly equals: string };

export type RequestOp =
  | ({ readonly type: 'put' } & PutRequest)
  | ({ readonly type: 'delete' } & DeleteRequest)
  | ({ readonly type: 'range' } & RangeRequest);

export interface TxnRequest {
  readonly compare: readonly Compare[];
  readonly success: readonly RequestOp[];
  readonly failure?: readonly RequestOp[];
}

export type ResponseOp =
  | { readonly type: 'put'; readonly revision: number }
  | { readonly type: 'delete'; readonly deleted: number }
  | ({ readonly type: 'range' } & RangeResponse);

export interface TxnResponse {
  readonly revision: number;
  readonly succeeded: boolean;
  readonly responses: readonly ResponseOp[];
}

export interface LeaseInfo {
  /** Seconds left; -1 when the lease does not exist. */
  readonly ttlSeconds: number;
  readonly grantedTtlSeconds: number;
  readonly keys: readonly string[];
}

export interface WatchRequest {
  readonly key: string;
  readonly rangeEnd?: string;
  /** First revision to deliver. */
  readonly startRevision: number;
}

export type WatchEvent =
  | { readonly type: 'put'; readonly kv: KeyValue }
  | { readonly type: 'delete'; readonly key: string; readonly revision: number };

/** What a watch tells. It re-connects and resumes by itself until closed. */
export interface WatchListener {
  /** All events of one revision or more, in order; `revision` is what the watch has seen up to. */
  readonly events: (events: readonly WatchEvent[], revision: number) => void;
  /**
   * The revisions asked for are gone (compaction) or the store went back in time (restore): list again. The watch
   * waits until the promise gives the first revision to go on from; if it rejects with a Fault, it is asked again after a pause.
   */
  readonly lost: (fault: Fault) => Promise<number>;
  readonly interrupted?: (fault: Fault) => void;
  readonly resumed?: () => void;
}

export interface MemberStatus {
  readonly endpoint: string;
  readonly memberId: bigint;
  readonly leaderId: bigint;
  readonly version: string;
  readonly dbSizeBytes: number;
  readonly raftTerm: number;
  readonly raftIndex: number;
}

export interface Etcd {
  range(request: RangeRequest): Promise<RangeResponse>;
  put(request: PutRequest): Promise<{ readonly revision: number }>;
  delete(request: DeleteRequest): Promise<{ readonly deleted: number; readonly revision: number }>;
  txn(request: TxnRequest): Promise<TxnResponse>;
  leaseGrant(ttlSeconds: number): Promise<{ readonly id: bigint; readonly ttlSeconds: number }>;
  leaseRevoke(id: bigint): Promise<void>;
  /** One keep-alive; the TTL in seconds from now, 0 when the lease is gone. */
  leaseKeepAlive(id: bigint): Promise<number>;
  leaseTimeToLive(id: bigint, withKeys?: boolean): Promise<LeaseInfo>;
  compact(revision: number): Promise<void>;
  /** Status of every endpoint, or the Fault of the one that does not answer. */
  status(): Promise<readonly (MemberStatus | { readonly endpoint: string; readonly fault: Fault })[]>;
  watch(request: WatchRequest, listener: WatchListener): { close(): void };
  close(): void;
}

export interface EtcdOptions {
  /** `https://10.0.0.1:2379`; tried in order from a random start, failed ones last. */
  readonly endpoints: readonly string[];
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly username?: string;
  readonly password?: string;
  /** Deadline of one call in milliseconds, over all endpoints tried; default 5000. */
  readonly timeoutMs?: number;
  /** HTTP/2 PING interval in milliseconds; a connection whose ping is not answered within it is given up. Default 2000. */
  readonly keepAliveMs?: number;
}

/** The end of the range of all keys that start with `prefix`. */
export function prefixEnd(prefix: string): string {
  const last = prefix.codePointAt(prefix.length - 1);
  if (last === undefined || last >= 0x7f)
    throw new RangeError(`prefixEnd wants an ASCII prefix, got ${JSON.stringify(prefix)}`);
  return prefix.slice(0, -1) + String.fromCodePoint(last + 1);
}
