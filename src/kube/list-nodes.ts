/** Lists all nodes in pages of one consistent listing. */
import { Fault } from '#runtime/fault.ts';
import type { KubeNode } from './api.ts';
import type { KubeCaller } from './caller.ts';
import { protocolFault } from './faults.ts';
import { fieldsOf, textOf } from './json.ts';
import { readNode } from './node.ts';

/** A node is 5 to 20 kB of JSON, of which we keep 200 bytes: this bounds what is in memory at once. */
const PAGE = 100;
/** A listing lives about five minutes (410 then): long enough even for a slow server at the second try. */
const MOST_RESTARTS = 3;

/** `restarted` is called when the pages seen so far belong to a listing that expired: they come again. */
export async function listNodes(
  caller: KubeCaller,
  visit: (node: KubeNode) => void,
  restarted: () => void,
): Promise<string> {
  for (let restarts = 0; ; restarts += 1) {
    try {
      return await listOnce(caller, visit);
    } catch (error) {
      if (!(error instanceof Fault) || error.code !== 'kube.expired' || restarts >= MOST_RESTARTS) throw error;
      restarted();
    }
  }
}

async function listOnce(caller: KubeCaller, visit: (node: KubeNode) => void): Promise<string> {
  let token = '';
  for (;;) {
    const query = new URLSearchParams({ limit: String(PAGE), ...(token === '' ? {} : { continue: token }) });
    const path = `/api/v1/nodes?${query}`;
    const page = fieldsOf(await caller.call({ method: 'GET', path, asked: 'list nodes', compressed: true }));
    const metadata = fieldsOf(page?.['metadata']);
    const items: unknown = page?.['items'] ?? [];
    const resourceVersion = textOf(metadata?.['resourceVersion']);
    if (!Array.isArray(items) || resourceVersion === undefined) throw protocolFault(caller.url, 'it is no NodeList');
    for (const item of items) {
      const node = readNode(item);
      if (node !== undefined) visit(node);
    }
    token = textOf(metadata?.['continue']) ?? '';
    if (token === '') return resourceVersion;
  }
}
