/** Opens the LeaseStore that `--etcd-api` asks for, with its connection. */
import type { EtcdOptions } from '#etcd/api.ts';
import { connectEtcd } from '#etcd/client.ts';
import { type ApiNote, AutoLeaseStore, type StoreHandle } from './auto-store.ts';
import type { EtcdApi, EtcdApiOption } from './choose-api.ts';
import { EtcdLeaseStore } from './etcd-store.ts';
import type { HostMark } from './host-record.ts';
import type { LeaseStore } from './store.ts';

export interface OpenLeaseStoreOptions extends EtcdOptions {
  readonly api: EtcdApiOption;
  /** `/coreos.com/network` or the like. */
  readonly prefix: string;
  /** This machine; without it no host keys are written. */
  readonly mark?: HostMark | undefined;
  /** What `auto` finds out, for the log; not called for v2 and v3. */
  readonly tell?: (note: ApiNote) => void;
}

export interface OpenedLeaseStore {
  readonly store: LeaseStore;
  /** The API in use; undefined as long as `auto` has found no network. */
  readonly api: EtcdApi | undefined;
  /** Closes the store and its connection. */
  close(): void;
}

/** Begins to connect and waits for nothing. Throws a Fault `usage.flag` for endpoints that are not URLs. */
export async function openLeaseStore(options: OpenLeaseStoreOptions): Promise<OpenedLeaseStore> {
  if (options.api === 'v2') return opened('v2', await openV2(options));
  const v3 = openV3(options);
  if (options.api === 'v3') return opened('v3', v3);
  const store = new AutoLeaseStore({ v3, openV2: () => openV2(options), tell: options.tell ?? (() => undefined) });
  return {
    store,
    get api() {
      return store.api;
    },
    close: () => store.close(),
  };
}

function openV3(options: OpenLeaseStoreOptions): StoreHandle {
  const etcd = connectEtcd(options);
  return { store: new EtcdLeaseStore({ etcd, prefix: options.prefix, mark: options.mark }), close: () => etcd.close() };
}

/** Loaded when it is wanted: a fleet on v3 has no use for HTTP/1.1. */
async function openV2(options: OpenLeaseStoreOptions): Promise<StoreHandle> {
  const { connectEtcdV2 } = await import('#etcd/v2-client.ts');
  const { EtcdV2LeaseStore } = await import('./etcd-v2-store.ts');
  const etcd = connectEtcdV2(options);
  return {
    store: new EtcdV2LeaseStore({ etcd, prefix: options.prefix, mark: options.mark }),
    close: () => etcd.close(),
  };
}

function opened(api: EtcdApi, { store, close }: StoreHandle): OpenedLeaseStore {
  return {
    store,
    api,
    close() {
      store.close();
      close();
    },
  };
}
