/**
 * Takes down what containers have left that vanished without DEL: a host that lost power, a runtime that forgot. A container
 * counts as gone only when its path leads to no namespace or to another one, and its cable does not exist any more, which
 * lives as long as the namespace does: an address that somebody uses is never given away.
 */
import { getPort } from '#netlink/veth.ts';
import type { AttachmentRecord } from './attachment-record.ts';
import { namespaceAt } from './container-namespace.ts';
import { detachAll } from './detach.ts';
import type { Network } from './network.ts';

/** The containers that are gone now. What cannot be taken down is left for the next time. */
export async function reclaim(network: Network): Promise<readonly AttachmentRecord[]> {
  network.addresses.removeTorn();
  const reclaimed: AttachmentRecord[] = [];
  for (const record of network.records.list()) {
    if (network.isBusy(record) || !isGone(network, record)) continue;
    await detachAll(network, record, '');
    reclaimed.push(record);
  }
  return reclaimed;
}

function isGone({ host }: Network, record: AttachmentRecord): boolean {
  // A record that cannot be read tells nothing of the container.
  if (record.netns === '' || record.veth === '') return false;
  return namespaceAt(record.netns) !== record.namespace && getPort(host.socket, record.veth) === undefined;
}
