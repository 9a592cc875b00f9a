/** Which node this host is: `NODE_NAME`, else the node of the Pod in `POD_NAME` and `POD_NAMESPACE` (spec §7.1). */
import { Fault } from '#runtime/fault.ts';
import type { KubeApi } from './api.ts';

export type NodeNameSource =
  | { readonly type: 'node'; readonly name: string }
  | { readonly type: 'pod'; readonly name: string; readonly namespace: string };

/** Throws a Fault `kube.environment` when neither is given. */
export function nodeNameSource(environment: Readonly<Record<string, string | undefined>>): NodeNameSource {
  const { NODE_NAME = '', POD_NAME = '', POD_NAMESPACE = '' } = environment;
  if (NODE_NAME !== '') return { type: 'node', name: NODE_NAME };
  if (POD_NAME === '' || POD_NAMESPACE === '') {
    throw new Fault('kube.environment', { what: 'env variables POD_NAME and POD_NAMESPACE must be set' });
  }
  return { type: 'pod', name: POD_NAME, namespace: POD_NAMESPACE };
}

export async function findNodeName(source: NodeNameSource, api: Pick<KubeApi, 'nodeOfPod'>): Promise<string> {
  return source.type === 'node' ? source.name : api.nodeOfPod(source.namespace, source.name);
}
