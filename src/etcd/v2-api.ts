/**
 * The etcd v2 keys API as this program uses it: the seam that the HTTP/1.1 client implements. Keys are paths that begin
 * with a slash; values are text. There is no verb that writes over what it has not seen. Every verb throws a Fault
 * (`etcd.*`, as the v3 client does); what the store decides (`exists`, `changed`) is an answer.
 *
 * Source: etcd's Documentation/v2/api.md and errorcode.md.
 */
import type { Fault } from '#runtime/fault.ts';

/** A key with a value; directories are never shown. */
export interface V2Node {
  readonly key: string;
  readonly value: string;
  readonly createdIndex: number;
  readonly modifiedIndex: number;
  /** Seconds left; undefined when the key does not expire. */
  readonly ttlSeconds: number | undefined;
}

export interface V2Listing {
  /** The store's index when it was read; a watch goes on after it. */
  readonly index: number;
  readonly nodes: readonly V2Node[];
}

export type V2Event =
  | { readonly type: 'put'; readonly node: V2Node; readonly index: number }
  /** Deleted by somebody or expired. */
  | { readonly type: 'gone'; readonly key: string; readonly index: number };

export interface V2WatchRequest {
  /** The directory; it need not exist. */
  readonly key: string;
  /** Events after this index are told. */
  readonly afterIndex: number;
  /** A small key that is read from time to time to see whether the member still takes part. */
  readonly probeKey: string;
}

/** What a watch tells. It re-connects and resumes by itself until closed. */
export interface V2WatchListener {
  readonly event: (event: V2Event) => void;
  /**
   * The history is gone (etcd keeps 1,000 events), the store went back in time, or a whole directory was changed: list
   * again. The watch waits for the index of that listing; if the promise rejects, it is asked again after a pause.
   */
  readonly lost: (fault: Fault) => Promise<number>;
  readonly interrupted?: (fault: Fault) => void;
  readonly resumed?: () => void;
}

export interface EtcdV2 {
  /** The key's value as the majority has it; undefined when there is no such key. */
  get(key: string): Promise<V2Node | undefined>;
  /** Everything below a directory as the majority has it; a directory that does not exist is an empty one. */
  list(key: string): Promise<V2Listing>;
  /** Writes a key that does not exist; directories above it are made. Without `ttlSeconds` it never expires. */
  create(key: string, value: string, ttlSeconds?: number): Promise<V2Node | 'exists'>;
  /** Writes a key that is still at `modifiedIndex`. Without `ttlSeconds` it never expires from then on. */
  replace(key: string, value: string, modifiedIndex: number, ttlSeconds?: number): Promise<V2Node | 'changed'>;
  /** Deletes a key that is still at `modifiedIndex`. */
  remove(key: string, modifiedIndex: number): Promise<'removed' | 'changed'>;
  makeDirectory(key: string): Promise<'made' | 'exists'>;
  watch(request: V2WatchRequest, listener: V2WatchListener): { close(): void };
  close(): void;
}
