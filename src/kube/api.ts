/** KubeApi: the few calls that the subnet manager makes, and what it sees of a Node. Every verb throws Faults `kube.*`. */
import type { Fault } from '#runtime/fault.ts';

export interface KubeNode {
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  /** Milliseconds since 1970; undefined when the server sends none. */
  readonly createdMs: number | undefined;
  readonly annotations: Readonly<Record<string, unknown>>;
  /** `spec.podCIDRs`, else the one in `spec.podCIDR`; empty when none is assigned. */
  readonly podCidrs: readonly string[];
  /** Of the condition NetworkUnavailable: `True`, `False`, `Unknown`; undefined when there is none. */
  readonly networkUnavailable: string | undefined;
}

export type NodeEvent =
  | { readonly type: 'put'; readonly node: KubeNode }
  | { readonly type: 'gone'; readonly name: string };

export interface NodeWatchListener {
  /** What arrived together, in order. */
  readonly events: (events: readonly NodeEvent[]) => void;
  /**
   * What happened since cannot be told any more. Lists anew and gives the resourceVersion to go on from; called again later
   * when it fails.
   */
  readonly lost: (fault: Fault) => Promise<string>;
  readonly interrupted: (fault: Fault) => void;
  readonly resumed: () => void;
}

export interface KubeApi {
  readonly url: string;
  getNode(name: string): Promise<KubeNode>;
  /** The name of the node that a Pod runs on. */
  nodeOfPod(namespace: string, name: string): Promise<string>;
  /**
   * Calls `visit` for each node, page by page, so that never more than a page is in memory. `restarted` is called when the
   * listing expired on the way: those visited so far come again. Gives the resourceVersion that a watch goes on after.
   */
  listNodes(visit: (node: KubeNode) => void, restarted: () => void): Promise<string>;
  /** Strategic merge patch on the status subresource; gives the node as it is then. */
  patchNodeStatus(name: string, patch: object): Promise<KubeNode>;
  /** Events after that resourceVersion, for ever; resumes by itself. `undefined` begins with `lost`. */
  watchNodes(resourceVersion: string | undefined, listener: NodeWatchListener): { close(): void };
  close(): void;
}
