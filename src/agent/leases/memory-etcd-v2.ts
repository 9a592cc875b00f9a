/**
 * The v2 API on an in-memory etcd: the same revisions, time and outages, in the verbs of v2. A MemoryEtcd serves either API
 * and not both at once, since the two key spaces of a real etcd know nothing of each other.
 */
import type { KeyValue, WatchEvent } from '#etcd/api.ts';
import { prefixEnd } from '#etcd/api.ts';
import type { EtcdV2, V2Event, V2Listing, V2Node, V2WatchListener, V2WatchRequest } from '#etcd/v2-api.ts';
import type { MemoryEtcd } from './memory-etcd.ts';
import type { MemoryEtcdClient } from './memory-etcd-client.ts';

export class MemoryEtcdV2 implements EtcdV2 {
  readonly #etcd: MemoryEtcd;
  readonly #client: MemoryEtcdClient;

  /** `client` is one of the etcd's own. */
  constructor(etcd: MemoryEtcd, client: MemoryEtcdClient = etcd.connect()) {
    this.#etcd = etcd;
    this.#client = client;
  }

  async get(key: string): Promise<V2Node | undefined> {
    const [kv] = (await this.#client.range({ key })).kvs;
    return kv && this.#nodeOf(kv);
  }

  async list(key: string): Promise<V2Listing> {
    const below = `${key}/`;
    const { revision, kvs } = await this.#client.range({ key: below, rangeEnd: prefixEnd(below) });
    return { index: revision, nodes: kvs.map((kv) => this.#nodeOf(kv)) };
  }

  async create(key: string, value: string, ttlSeconds?: number): Promise<V2Node | 'exists'> {
    return (await this.#write(key, value, 0, ttlSeconds)) ?? 'exists';
  }

  async replace(key: string, value: string, modifiedIndex: number, ttlSeconds?: number): Promise<V2Node | 'changed'> {
    return (await this.#write(key, value, modifiedIndex, ttlSeconds)) ?? 'changed';
  }

  async remove(key: string, modifiedIndex: number): Promise<'removed' | 'changed'> {
    const { succeeded } = await this.#client.txn({
      compare: [{ target: 'modRevision', key, equals: modifiedIndex }],
      success: [{ type: 'delete', key }],
    });
    return succeeded ? 'removed' : 'changed';
  }

  /** There are no directories of their own: one is there when something is below it. */
  async makeDirectory(key: string): Promise<'made' | 'exists'> {
    return (await this.list(key)).nodes.length > 0 ? 'exists' : 'made';
  }

  watch(request: V2WatchRequest, listener: V2WatchListener): { close(): void } {
    const below = `${request.key}/`;
    return this.#client.watch(
      { key: below, rangeEnd: prefixEnd(below), startRevision: request.afterIndex + 1 },
      {
        events: (events) => {
          for (const event of events) listener.event(this.#eventOf(event));
        },
        lost: async (fault) => (await listener.lost(fault)) + 1,
        interrupted: (fault) => listener.interrupted?.(fault),
        resumed: () => listener.resumed?.(),
      },
    );
  }

  close(): void {
    this.#client.close();
  }

  async #write(key: string, value: string, at: number, ttlSeconds: number | undefined): Promise<V2Node | undefined> {
    const lease = ttlSeconds === undefined ? 0n : this.#etcd.grant(ttlSeconds).id;
    const { succeeded, responses } = await this.#client.txn({
      compare: [{ target: 'modRevision', key, equals: at }],
      success: [
        { type: 'put', key, value, lease },
        { type: 'range', key },
      ],
    });
    const [, written] = responses;
    if (succeeded && written?.type === 'range' && written.kvs[0] !== undefined) return this.#nodeOf(written.kvs[0]);
    this.#etcd.revoke(lease);
    return undefined;
  }

  #eventOf(event: WatchEvent): V2Event {
    if (event.type === 'delete') return { type: 'gone', key: event.key, index: event.revision };
    return { type: 'put', node: this.#nodeOf(event.kv), index: event.kv.modRevision };
  }

  #nodeOf({ key, value, lease, createRevision, modRevision }: KeyValue): V2Node {
    const ttlSeconds = lease === 0n ? undefined : this.#etcd.timeToLive(lease).ttlSeconds;
    return { key, value, createdIndex: createRevision, modifiedIndex: modRevision, ttlSeconds };
  }
}
