/** HostKeys on etcd v2: a key beside that of the lease, written first, with the same time to live. */
import type { EtcdV2, V2Node } from '#etcd/v2-api.ts';
import type { LeaseAttributes } from '#model/lease.ts';
import { Fault } from '#runtime/fault.ts';
import type { EtcdKeys } from './etcd-keys.ts';
import type { HostKey, HostKeys } from './host-keys.ts';
import {
  cloneFault,
  formatHostRecord,
  type HostMark,
  hostAddress,
  judgeHostRecord,
  parseHostRecord,
} from './host-record.ts';

const CLAIM_TRIES = 4;

export class EtcdV2HostKeys implements HostKeys {
  readonly mark: HostMark;
  readonly #etcd: EtcdV2;
  readonly #keys: EtcdKeys;

  constructor(etcd: EtcdV2, keys: EtcdKeys, mark: HostMark) {
    this.mark = mark;
    this.#etcd = etcd;
    this.#keys = keys;
  }

  /** Writes our mark for that time, for ever without one. Throws Fault `lease.clone` when another machine's stands there. */
  async claim(attributes: LeaseAttributes, ttlSeconds: number | undefined): Promise<void> {
    const key = this.#keys.host(hostAddress(attributes));
    const value = formatHostRecord(this.mark);
    for (let tries = 0; tries < CLAIM_TRIES; tries++) {
      const node = await this.#etcd.get(key);
      const record = node && parseHostRecord(node.value);
      if (node !== undefined && record !== undefined) {
        const verdict = judgeHostRecord(record, node.modifiedIndex, this.mark, undefined);
        if (verdict === 'held') throw cloneFault(key, record, this.mark);
      }
      const written =
        node === undefined
          ? await this.#etcd.create(key, value, ttlSeconds)
          : await this.#etcd.replace(key, value, node.modifiedIndex, ttlSeconds);
      if (typeof written === 'object') return;
    }
    throw new Fault('lease.changed', { what: 'the key of this host is written again and again', where: key });
  }

  async read(address: string): Promise<HostKey | undefined> {
    const node = await this.#etcd.get(this.#keys.host(address));
    return node && this.#hostKey(node);
  }

  watch(address: string, afterRevision: number, listener: (key: HostKey | undefined) => void): () => void {
    let open = true;
    const tell = (node: V2Node | undefined): void => {
      if (open) listener(node && this.#hostKey(node));
    };
    const key = this.#keys.host(address);
    const handle = this.#etcd.watch(
      { key: this.#keys.hosts, afterIndex: afterRevision, probeKey: this.#keys.config },
      {
        event: (event) => {
          if (event.type === 'gone' && event.key === key) tell(undefined);
          else if (event.type === 'put' && event.node.key === key) tell(event.node);
        },
        lost: async () => {
          const { index, nodes } = await this.#etcd.list(this.#keys.hosts);
          tell(nodes.find((node) => node.key === key));
          return index;
        },
      },
    );
    return () => {
      open = false;
      handle.close();
    };
  }

  #hostKey({ key, value, modifiedIndex, ttlSeconds }: V2Node): HostKey {
    return {
      key,
      record: parseHostRecord(value),
      revision: modifiedIndex,
      replace: async (record) => {
        const written = await this.#etcd.replace(key, formatHostRecord(record), modifiedIndex, ttlSeconds);
        return written === 'changed' ? 'changed' : 'written';
      },
    };
  }
}
