/** Opens the LeaseStore on Kubernetes from the flags of the agent and its environment. */
import { connectKube, type KubeClientOptions } from '#kube/client.ts';
import { findNodeName, nodeNameSource } from '#kube/node-name.ts';
import { type KubeAccessOptions, openAccess } from '#kube/open-access.ts';
import { annotationNames } from './kube-annotations.ts';
import { KubeLeaseStore } from './kube-store.ts';

export interface OpenKubeStoreOptions extends KubeAccessOptions, KubeClientOptions {
  /** `-kube-annotation-prefix`. */
  readonly annotationPrefix: string;
  /** `-net-config-path`. */
  readonly networkFile: string;
}

export interface OpenedKubeStore {
  readonly store: KubeLeaseStore;
  /** Of the API server, for the log. */
  readonly url: string;
}

/** Waits for no connection. Throws Faults `usage.flag`, `kube.config` and `kube.environment` for what is given wrongly. */
export async function openKubeStore(options: OpenKubeStoreOptions): Promise<OpenedKubeStore> {
  const annotations = annotationNames(options.annotationPrefix);
  const source = nodeNameSource(options.environment);
  const access = await openAccess(options);
  const api = connectKube(access, options);
  const nodeName = (): Promise<string> => findNodeName(source, api);
  const { networkFile } = options;
  return { url: access.url, store: new KubeLeaseStore({ api, nodeName, annotations, networkFile }) };
}
