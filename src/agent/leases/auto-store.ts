/**
 * LeaseStore that finds out by itself which API of etcd holds the network. v3 is asked as if it were the only one, so that
 * a fleet on v3 starts as quickly as without a choice; v2 is asked when v3 has no network or takes its time. While
 * neither has one, every look is at both. Once found it stays: a network that moves is followed by the next start.
 */

import type { Lease, LeaseAttributes } from '#model/lease.ts';
import type { SubnetKey } from '#model/subnet-key.ts';
import { type Clock, systemClock } from '#runtime/clock.ts';
import { Fault } from '#runtime/fault.ts';
import { type ApiChoice, chooseApi, type EtcdApi, lookAt } from './choose-api.ts';
import type { HostKeys } from './host-keys.ts';
import type { LeaseEvent, LeaseSnapshot, LeaseStore } from './store.ts';

/** A store with its connection. */
export interface StoreHandle {
  readonly store: LeaseStore;
  /** Ends the connection. */
  readonly close: () => void;
}

export type ApiNote =
  | { readonly type: 'chosen'; readonly api: EtcdApi }
  /** v3 is used, and v2 has a network under the same prefix. */
  | { readonly type: 'both' };

export interface AutoLeaseStoreOptions {
  readonly v3: StoreHandle;
  /** Called when v2 is needed for the first time. */
  readonly openV2: () => Promise<StoreHandle>;
  /** For one line in the log each; called at most once each. */
  readonly tell: (note: ApiNote) => void;
  readonly clock?: Clock;
}

/** So long v3 alone is asked. */
const HEAD_START_MS = 100;
/** Whether v2 has a network as well is looked up when the start is over. */
const SECOND_LOOK_MS = 5_000;
/** What the loser has still to send, such as giving back a grant. */
const LINGER_MS = 1_000;

export class AutoLeaseStore implements LeaseStore {
  readonly #v3: StoreHandle;
  readonly #openV2: () => Promise<StoreHandle>;
  readonly #tell: (note: ApiNote) => void;
  readonly #clock: Clock;
  #v2: Promise<StoreHandle> | undefined;
  #chosen: { readonly api: EtcdApi; readonly store: LeaseStore } | undefined;
  #looking: Promise<ApiChoice & { readonly document: string | undefined }> | undefined;
  #cancel: () => void = () => {};
  #closed: boolean = false;

  constructor(options: AutoLeaseStoreOptions) {
    this.#v3 = options.v3;
    this.#openV2 = options.openV2;
    this.#tell = options.tell;
    this.#clock = options.clock ?? systemClock;
  }

  /** The API that holds the network; undefined until it is found. */
  get api(): EtcdApi | undefined {
    return this.#chosen?.api;
  }

  get hosts(): HostKeys | undefined {
    return this.#chosen?.store.hosts;
  }

  async config(): Promise<string | undefined> {
    if (this.#chosen !== undefined) return this.#chosen.store.config();
    return (await this.#look()).document;
  }

  async list(): Promise<LeaseSnapshot> {
    if (this.#chosen !== undefined) return this.#chosen.store.list();
    // Beside the look, as the configuration and the listing are asked for together.
    const listed = this.#v3.store.list();
    listed.catch(() => undefined);
    const { api } = await this.#look();
    return api === 'v3' ? listed : (await this.#opened()).store.list();
  }

  prepareGrant(ttlSeconds: number): void {
    (this.#chosen?.store ?? this.#v3.store).prepareGrant(ttlSeconds);
  }

  async create(subnet: SubnetKey, attributes: LeaseAttributes, ttlSeconds: number): Promise<Lease | 'taken'> {
    return (await this.#found()).create(subnet, attributes, ttlSeconds);
  }

  async renew(own: Lease, attributes: LeaseAttributes, ttlSeconds: number): Promise<Lease | 'lost'> {
    return (await this.#found()).renew(own, attributes, ttlSeconds);
  }

  async release(own: Lease): Promise<'released' | 'lost'> {
    return (await this.#found()).release(own);
  }

  watch(revision: number, listener: (event: LeaseEvent) => void): () => void {
    if (this.#chosen === undefined) throw new Error('a revision to watch from is known when the network is found');
    return this.#chosen.store.watch(revision, listener);
  }

  close(): void {
    this.#closed = true;
    this.#cancel();
    this.#v3.store.close();
    this.#v3.close();
    this.#endV2();
  }

  async #found(): Promise<LeaseStore> {
    if (this.#chosen === undefined) await this.#look();
    if (this.#chosen !== undefined) return this.#chosen.store;
    throw new Fault('network.missing', { what: 'neither etcd v3 nor etcd v2 has a network configuration' });
  }

  #look(): Promise<ApiChoice & { readonly document: string | undefined }> {
    this.#looking ??= this.#lookAtBoth().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #lookAtBoth(): Promise<ApiChoice & { readonly document: string | undefined }> {
    const lookingAtV3 = lookAt(this.#v3.store.config());
    let endHeadStart = (): void => {};
    const headStart = new Promise<void>((resolve) => {
      endHeadStart = this.#clock.after(HEAD_START_MS, resolve);
    });
    const early = await Promise.race([lookingAtV3, headStart]);
    endHeadStart();
    if (isFound(early)) return this.#choose('v3', this.#v3.store, early.document);
    const lookingAtV2 = lookAt(this.#opened().then(({ store }) => store.config()));
    const v3 = await lookingAtV3;
    if (isFound(v3)) return this.#choose('v3', this.#v3.store, v3.document);
    const v2 = await lookingAtV2;
    const choice = chooseApi(v3, v2);
    if (isFound(v2)) return this.#choose('v2', (await this.#opened()).store, v2.document);
    return { ...choice, document: undefined };
  }

  #choose(api: EtcdApi, store: LeaseStore, document: string): ApiChoice & { readonly document: string } {
    this.#chosen = { api, store };
    this.#tell({ type: 'chosen', api });
    if (api === 'v3') {
      this.#cancel = this.#clock.after(SECOND_LOOK_MS, () => void this.#lookForSecond());
    } else {
      this.#v3.store.close();
      this.#cancel = this.#clock.after(LINGER_MS, this.#v3.close);
    }
    return { api, found: true, document };
  }

  /** Whether v2 has a network as well. What goes wrong here concerns nobody: v3 is in use. */
  async #lookForSecond(): Promise<void> {
    const look = await lookAt(this.#opened().then(({ store }) => store.config()));
    if (isFound(look) && !this.#closed) this.#tell({ type: 'both' });
    this.#endV2();
  }

  #opened(): Promise<StoreHandle> {
    this.#v2 ??= this.#openV2();
    return this.#v2;
  }

  #endV2(): void {
    this.#v2?.then(
      (v2) => v2.close(),
      () => undefined,
    );
    this.#v2 = undefined;
  }
}

function isFound<T>(look: T): look is T & { readonly document: string } {
  return typeof look === 'object' && look !== null && 'document' in look && look.document !== undefined;
}
