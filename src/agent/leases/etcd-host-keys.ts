/** HostKeys on etcd v3: the key is attached to the etcd lease of the subnet, and written in one transaction with it. */
import type { Compare, Etcd, KeyValue, RequestOp } from '#etcd/api.ts';
import type { LeaseAttributes } from '#model/lease.ts';
import type { Fault } from '#runtime/fault.ts';
import type { EtcdKeys } from './etcd-keys.ts';
import { CLAIM_TRIES, type HostKey, type HostKeys, watchUntilEnded } from './host-keys.ts';
import { claimRefusal, formatHostRecord, type HostMark, hostAddress, parseHostRecord } from './host-record.ts';

/** A write of a lease's key, to be made together with that of its host. */
export interface ClaimedPut {
  readonly key: string;
  readonly value: string;
  /** 0n: for ever. */
  readonly lease: bigint;
  readonly attributes: LeaseAttributes;
  /** Revision at which the lease's key must be; 0 when there must be none. */
  readonly at: number;
}

export type ClaimOutcome =
  | { readonly type: 'written'; readonly revision: number }
  /** The lease's key is at another revision. */
  | { readonly type: 'refused'; readonly stored: KeyValue | undefined }
  /** The address is another machine's. */
  | { readonly type: 'held'; readonly fault: Fault };

export class EtcdHostKeys implements HostKeys {
  readonly mark: HostMark;
  readonly #etcd: Etcd;
  readonly #keys: EtcdKeys;

  constructor(etcd: Etcd, keys: EtcdKeys, mark: HostMark) {
    this.mark = mark;
    this.#etcd = etcd;
    this.#keys = keys;
  }

  /**
   * One round trip when the host key is as expected: absent for a new lease, as we would write it for one that we had. What
   * differs costs one more, after which it is known.
   */
  async claim({ key, value, lease, attributes, at }: ClaimedPut): Promise<ClaimOutcome> {
    const host = this.#keys.host(hostAddress(attributes));
    const mark = formatHostRecord(this.mark);
    const success: readonly RequestOp[] = [
      { type: 'put', key, value, lease },
      { type: 'put', key: host, value: mark, lease },
    ];
    const failure: readonly RequestOp[] = [
      { type: 'range', key },
      { type: 'range', key: host },
    ];
    let expected: Compare =
      at === 0 ? { target: 'modRevision', key: host, equals: 0 } : { target: 'value', key: host, equals: mark };
    let stored: KeyValue | undefined;
    for (let tries = 0; tries < CLAIM_TRIES; tries++) {
      const compare: readonly Compare[] = [{ target: 'modRevision', key, equals: at }, expected];
      const { succeeded, revision, responses } = await this.#etcd.txn({ compare, success, failure });
      if (succeeded) return { type: 'written', revision };
      const [found, foundHost] = responses.map((response) => (response.type === 'range' ? response.kvs[0] : undefined));
      stored = found;
      if ((stored?.modRevision ?? 0) !== at) break;
      const seen = foundHost?.modRevision ?? 0;
      const fault = foundHost && claimRefusal(host, foundHost.value, seen, this.mark);
      if (fault !== undefined) return { type: 'held', fault };
      expected = { target: 'modRevision', key: host, equals: seen };
    }
    return { type: 'refused', stored };
  }

  async read(address: string): Promise<HostKey | undefined> {
    const { kvs } = await this.#etcd.range({ key: this.#keys.host(address) });
    return kvs[0] && this.#hostKey(kvs[0]);
  }

  watch(address: string, afterRevision: number, listener: (key: HostKey | undefined) => void): () => void {
    const key = this.#keys.host(address);
    const told = (kv: KeyValue | undefined): void => listener(kv && this.#hostKey(kv));
    return watchUntilEnded(told, (tell) =>
      this.#etcd.watch(
        { key, startRevision: afterRevision + 1 },
        {
          events: (events) => {
            const last = events.at(-1);
            if (last !== undefined) tell(last.type === 'put' ? last.kv : undefined);
          },
          lost: async () => {
            const { revision, kvs } = await this.#etcd.range({ key });
            tell(kvs[0]);
            return revision + 1;
          },
        },
      ),
    );
  }

  #hostKey({ key, value, modRevision, lease }: KeyValue): HostKey {
    return {
      key,
      record: parseHostRecord(value),
      revision: modRevision,
      replace: async (record) => {
        const { succeeded } = await this.#etcd.txn({
          compare: [{ target: 'modRevision', key, equals: modRevision }],
          success: [{ type: 'put', key, value: formatHostRecord(record), lease }],
        });
        return succeeded ? 'written' : 'changed';
      },
    };
  }
}
