/** HostKeys on etcd v2: a key beside that of the lease, written first, with the same time to live. */
import type { EtcdV2, V2Node } from '#etcd/v2-api.ts';
import type { LeaseAttributes } from '#model/lease.ts';
import { Fault } from '#runtime/fault.ts';
import type { EtcdKeys } from './etcd-keys.ts';
import { CLAIM_TRIES, type HostKey, type HostKeys, watchUntilEnded } from './host-keys.ts';
import { claimRefusal, formatHostRecord, type HostMark, hostAddress, parseHostRecord } from './host-record.ts';

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
      const refusal = node && claimRefusal(key, node.value, node.modifiedIndex, this.mark);
      if (refusal !== undefined) throw refusal;
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
    const key = this.#keys.host(address);
    const told = (node: V2Node | undefined): void => listener(node && this.#hostKey(node));
    return watchUntilEnded(told, (tell) =>
      this.#etcd.watch(
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
      ),
    );
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
