/** DEL: takes down whatever there is of a container, from whatever is known of it, and again when it comes again. */
import type { CniRequest } from '#cni/protocol/request.ts';
import type { Owner } from './address-folder.ts';
import type { AttachmentRecord } from './attachment-record.ts';
import { unplug } from './cable.ts';
import { removeRules } from './container-firewall.ts';
import { ContainerNamespace, namespaceAt } from './container-namespace.ts';
import type { Network } from './network.ts';

/** Throws CniError, and then keeps the record for the next DEL. */
export async function detach(network: Network, { containerId, ifname, netns }: CniRequest): Promise<void> {
  const owner: Owner = { containerId, ifname };
  const record = network.records.find(owner);
  const container = netns === '' || isHost(network, netns) ? undefined : openIfThere(netns);
  try {
    // A path that leads to another namespace by now has nothing of ours.
    const same = record === undefined || record.namespace === '' || record.namespace === container?.identity;
    await detachAll(network, record ?? unknown(owner, network.addresses.has(owner)), same ? container : undefined);
  } finally {
    container?.close();
  }
}

/**
 * Cable first: as long as it is in, the address is in use. The record goes last. Without `container` only the host's end of
 * the cable is looked for.
 */
export async function detachAll(
  network: Network,
  record: AttachmentRecord,
  container: ContainerNamespace | undefined,
): Promise<void> {
  await unplug(network.host, container, record);
  if (record.rules) await removeRules(network, record);
  if (record.addresses === undefined) network.addresses.releaseAll(record);
  else for (const address of record.addresses) network.addresses.release(address, record);
  network.records.remove(record);
}

/** Of a container that another plugin has attached, or that is gone already. */
export function unknown(owner: Owner, rules: boolean): AttachmentRecord {
  return { ...owner, netns: '', namespace: '', veth: '', addresses: undefined, rules, result: '' };
}

/** Nothing of the host itself is ever taken for a container's. */
function isHost({ host }: Network, netns: string): boolean {
  return namespaceAt(netns) === host.identity;
}

/** DEL of what is no namespace any more has less to do, and succeeds. */
function openIfThere(path: string): ContainerNamespace | undefined {
  try {
    return ContainerNamespace.open(path);
  } catch {
    return undefined;
  }
}
