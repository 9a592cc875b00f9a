/**
 * LeaseStore on etcd v2 (spec §2), as flannel up to 0.17 keeps it: the same keys, the values of 0.15 to 0.17, which every
 * version reads. Every write is a compare-and-set on our own key (D-24, D-30), "taken" is etcd's word for just that (D-31),
 * and no event ends the watch (D-32).
 *
 * flannel renews by writing the key anew, so the index of a key's creation says nothing about how old a claim is: when
 * somebody wrote our key meanwhile, its value alone tells whether it is still ours.
 */
import type { EtcdV2, V2Event, V2Node } from '#etcd/v2-api.ts';
import type { Lease, LeaseAttributes, RejectedRecord } from '#model/lease.ts';
import { encodeLeaseRecord } from '#model/lease-record.ts';
import type { SubnetKey } from '#model/subnet-key.ts';
import { Fault } from '#runtime/fault.ts';
import { type EtcdKeys, etcdKeys } from './etcd-keys.ts';
import { EtcdV2HostKeys } from './etcd-v2-host-keys.ts';
import type { HostMark } from './host-record.ts';
import type { LeaseChange, LeaseEvent, LeaseSnapshot, LeaseStore } from './store.ts';
import { leaseInRecord, type StoredRecord } from './stored-record.ts';

export interface EtcdV2LeaseStoreOptions {
  /** Not closed by the store. */
  readonly etcd: EtcdV2;
  /** `/coreos.com/network` or the like. */
  readonly prefix: string;
  /** This machine; without it no host keys are written. */
  readonly mark?: HostMark | undefined;
}

/** A key that says what we would write is taken for our own earlier write so often, then somebody else is at it. */
const RENEW_TRIES = 3;

export class EtcdV2LeaseStore implements LeaseStore {
  hosts: EtcdV2HostKeys | undefined;
  readonly #etcd: EtcdV2;
  readonly #keys: EtcdKeys;

  constructor(options: EtcdV2LeaseStoreOptions) {
    this.#etcd = options.etcd;
    this.#keys = etcdV2Keys(options.prefix);
    this.hosts = options.mark && new EtcdV2HostKeys(this.#etcd, this.#keys, options.mark);
  }

  async config(): Promise<string | undefined> {
    return (await this.#etcd.get(this.#keys.config))?.value;
  }

  async list(): Promise<LeaseSnapshot> {
    const { index, nodes } = await this.#etcd.list(this.#keys.subnets);
    const leases: Lease[] = [];
    const rejected: RejectedRecord[] = [];
    for (const node of nodes) {
      const lease = leaseInRecord(recordOfNode(node), this.#keys);
      if ('reason' in lease) rejected.push(lease);
      else leases.push(lease);
    }
    return { revision: index, leases, rejected };
  }

  /** A key of v2 brings its own time to live: there is nothing to prepare. */
  prepareGrant(): void {}

  async create(subnet: SubnetKey, attributes: LeaseAttributes, ttlSeconds: number): Promise<Lease | 'taken'> {
    const permitted = await this.#claimHost(attributes, ttlSeconds);
    const node = await this.#etcd.create(this.#keys.lease(subnet), encodeLeaseRecord(attributes), ttlSeconds);
    if (!permitted) this.hosts = undefined;
    if (node === 'exists') return 'taken';
    return { subnet, attributes, reservation: false, created: node.createdIndex, modified: node.modifiedIndex };
  }

  async renew(own: Lease, attributes: LeaseAttributes, ttlSeconds: number): Promise<Lease | 'lost'> {
    const key = this.#keys.lease(own.subnet);
    const value = encodeLeaseRecord(attributes);
    let { modified, reservation } = own;
    const permitted = await this.#claimHost(attributes, reservation ? undefined : ttlSeconds);
    for (let tries = RENEW_TRIES; tries > 0; tries--) {
      const written = await this.#etcd.replace(key, value, modified, reservation ? undefined : ttlSeconds);
      if (!permitted) this.hosts = undefined;
      if (written !== 'changed') {
        const { createdIndex, modifiedIndex } = written;
        return { ...own, attributes, reservation, created: createdIndex, modified: modifiedIndex };
      }
      const stored = await this.#etcd.get(key);
      if (stored?.value !== value) return 'lost';
      modified = stored.modifiedIndex;
      reservation = stored.ttlSeconds === undefined;
    }
    return 'lost';
  }

  /** Unless there is no mark to write. Tells whether the role in etcd reaches the key. */
  async #claimHost(attributes: LeaseAttributes, ttlSeconds: number | undefined): Promise<boolean> {
    try {
      await this.hosts?.claim(attributes, ttlSeconds);
      return true;
    } catch (error) {
      if (!(error instanceof Fault) || error.code !== 'etcd.auth') throw error;
      return false;
    }
  }

  async release(own: Lease): Promise<'released' | 'lost'> {
    const removed = await this.#etcd.remove(this.#keys.lease(own.subnet), own.modified);
    return removed === 'removed' ? 'released' : 'lost';
  }

  watch(revision: number, listener: (event: LeaseEvent) => void): () => void {
    let open = true;
    const tell = (event: LeaseEvent): void => {
      if (open) listener(event);
    };
    const { subnets, config } = this.#keys;
    const handle = this.#etcd.watch(
      { key: subnets, afterIndex: revision, probeKey: config },
      {
        event: (event) => {
          const changes = this.#changesOf(event);
          if (changes.length > 0) tell({ type: 'changes', revision: event.index, changes });
        },
        lost: async () => {
          const snapshot = await this.list();
          tell({ type: 'snapshot', ...snapshot });
          return snapshot.revision;
        },
        interrupted: (fault) => tell({ type: 'interrupted', fault }),
        resumed: () => tell({ type: 'resumed' }),
      },
    );
    return () => {
      open = false;
      handle.close();
    };
  }

  close(): void {}

  #changesOf(event: V2Event): LeaseChange[] {
    if (event.type === 'gone') {
      const subnet = this.#keys.subnetOf(event.key);
      return subnet === undefined ? [] : [{ type: 'gone', subnet }];
    }
    const lease = leaseInRecord(recordOfNode(event.node), this.#keys);
    return ['reason' in lease ? { type: 'rejected', record: lease } : { type: 'put', lease }];
  }
}

/** As in v3; but every key of v2 begins with a slash. */
export function etcdV2Keys(prefix: string): EtcdKeys {
  return etcdKeys(`/${prefix}`);
}

export function recordOfNode(node: V2Node): StoredRecord {
  const { key, value, createdIndex, modifiedIndex, ttlSeconds } = node;
  return { key, value, reservation: ttlSeconds === undefined, created: createdIndex, modified: modifiedIndex };
}
