/** The store that the command line asks for: etcd v3 or v2, or the Kubernetes API. What is not asked for is not loaded. */
import type { StoreIdentity } from '#agent/cache/agent-cache.ts';
import type { AgentConfig } from '#agent/config/agent-config.ts';
import type { KubeLeaseStore } from '#agent/leases/kube-store.ts';
import { openLeaseStore } from '#agent/leases/open-store.ts';
import { readHostMark } from '#agent/leases/read-host-mark.ts';
import type { LeaseStore } from '#agent/leases/store.ts';
import type { EtcdOptions } from '#etcd/api.ts';
import { Fault } from '#runtime/fault.ts';
import type { Log } from '#runtime/log.ts';
import { retry } from '#runtime/retry.ts';

export interface AgentStore {
  readonly store: LeaseStore;
  /** The same, when it is Kubernetes. */
  readonly kube?: KubeLeaseStore;
  /** Which store it is for the cache; absent where the store keeps nothing that a cache could stand in for. */
  readonly identity?: () => StoreIdentity;
  /** Where it is, for the log. */
  readonly where: Readonly<Record<string, string>>;
  close(): void;
}

/** As long as flannel tries to get and to patch its node. */
export const KUBE_PATIENCE = { attempts: 12, firstPauseMs: 500, longestPauseMs: 3000 };

export async function openAgentStore(
  config: AgentConfig,
  environment: Readonly<Record<string, string | undefined>>,
  log: Log,
): Promise<AgentStore> {
  if (config.kube !== undefined) {
    const { openKubeStore } = await import('#agent/leases/kube-open.ts');
    const { store, url } = await openKubeStore({ ...config.kube, environment });
    return { store, kube: store, where: { api_server: url }, close: () => store.close() };
  }
  const { prefix, api, endpoints } = config.etcd;
  const tell = (note: { readonly type: string; readonly api?: string }): void => log.info('etcd API', { ...note });
  const { machineIdFile } = config;
  const mark = readHostMark(machineIdFile);
  if (mark === undefined && machineIdFile !== '') {
    log.info('no machine id: clones of this host are not looked for', { path: machineIdFile });
  }
  const opened = await openLeaseStore({ ...etcdOptions(config), api, prefix, mark, tell });
  return {
    store: opened.store,
    identity: () => ({ prefix, api: opened.api ?? 'auto' }),
    where: { endpoints: endpoints.join(','), prefix },
    close: () => opened.close(),
  };
}

/** The scheduler waits for it; the fabric does not. */
export function markNetworkAvailable(kube: KubeLeaseStore, log: Log): void {
  retry(() => kube.markNetworkAvailable(), KUBE_PATIENCE).then(
    () => log.info('node condition NetworkUnavailable is False'),
    (error: unknown) => {
      if (!(error instanceof Fault)) throw error;
      log.error('node condition NetworkUnavailable not set', { code: error.code, why: error.summary });
    },
  );
}

function etcdOptions({ etcd }: AgentConfig): EtcdOptions {
  const { endpoints, caFile, certFile, keyFile, username, password } = etcd;
  return {
    endpoints,
    ...(caFile === '' ? {} : { caFile }),
    ...(certFile === '' ? {} : { certFile }),
    ...(keyFile === '' ? {} : { keyFile }),
    ...(username === '' ? {} : { username }),
    ...(password === '' ? {} : { password }),
  };
}
