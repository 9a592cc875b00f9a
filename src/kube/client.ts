/**
 * The Kubernetes client: five calls over HTTP/1.1. Our own, because the official one costs every agent start-up time and
 * memory (docs/decisions/0010-own-kubernetes-client.md).
 */
import { Fault } from '#runtime/fault.ts';
import type { KubeAccess } from './access.ts';
import type { KubeApi, KubeNode } from './api.ts';
import { KubeCaller } from './caller.ts';
import { protocolFault } from './faults.ts';
import { fieldsOf, textOf } from './json.ts';
import { listNodes } from './list-nodes.ts';
import { readNode } from './node.ts';
import { startNodeWatch } from './watch-nodes.ts';

export interface KubeClientOptions {
  /** Until a connection stands, until an answer begins, and until it is complete. Default 10 s. */
  readonly timeoutMs?: number;
  /** A watch that is silent for so long is opened anew. Default 150 s: API servers send a bookmark each minute. */
  readonly silenceMs?: number;
}

const DEFAULT_TIMEOUT_MS = 10_000;

/** Connects when it is first used. */
export function connectKube(access: KubeAccess, options: KubeClientOptions = {}): KubeApi {
  const caller = new KubeCaller(access, options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
  const watches = new Set<{ close(): void }>();
  const nodeFrom = (answer: unknown): KubeNode => {
    const node = readNode(answer);
    if (node === undefined) throw protocolFault(caller.url, 'it is no Node');
    return node;
  };
  return {
    url: access.url,
    async getNode(name) {
      const path = `/api/v1/nodes/${encodeURIComponent(name)}`;
      try {
        return nodeFrom(await caller.call({ method: 'GET', path, asked: `get nodes ${JSON.stringify(name)}` }));
      } catch (error) {
        throw missing(error, `there is no node ${JSON.stringify(name)}`, NODE_REMEDY);
      }
    },
    async nodeOfPod(namespace, name) {
      const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(name)}`;
      const pod = `${namespace}/${name}`;
      let answer: unknown;
      try {
        answer = await caller.call({ method: 'GET', path, asked: `get pods ${JSON.stringify(pod)}` });
      } catch (error) {
        throw missing(error, `there is no Pod ${JSON.stringify(pod)}`, 'check POD_NAME and POD_NAMESPACE');
      }
      const node = textOf(fieldsOf(fieldsOf(answer)?.['spec'])?.['nodeName']) ?? '';
      if (node !== '') return node;
      throw new Fault('kube.environment', { what: `the Pod ${JSON.stringify(pod)} is on no node`, where: access.url });
    },
    listNodes: (visit, restarted) => listNodes(caller, visit, restarted),
    async patchNodeStatus(name, patch) {
      const path = `/api/v1/nodes/${encodeURIComponent(name)}/status`;
      const asked = `patch nodes/status ${JSON.stringify(name)}`;
      try {
        return nodeFrom(await caller.call({ method: 'PATCH', path, asked, patch }));
      } catch (error) {
        throw missing(error, `there is no node ${JSON.stringify(name)}`, NODE_REMEDY);
      }
    },
    watchNodes(resourceVersion, listener) {
      const watch = startNodeWatch(caller, resourceVersion, listener, options.silenceMs);
      watches.add(watch);
      return {
        close() {
          watches.delete(watch);
          watch.close();
        },
      };
    },
    close() {
      for (const watch of watches) watch.close();
      caller.close();
    },
  };
}

const NODE_REMEDY = 'check NODE_NAME: it must be one that kubectl get nodes shows';

/** Says of "not found" what it is that is not there. */
function missing(error: unknown, what: string, remedy: string): unknown {
  if (!(error instanceof Fault) || error.code !== 'kube.not-found') return error;
  return new Fault('kube.not-found', { what, remedy, cause: error, ...(error.where && { where: error.where }) });
}
