/** DEL: takes down whatever there is of a container, from whatever is known of it, and again when it comes again. */
import type { CniRequest } from '#cni/protocol/request.ts';
import type { Owner } from './address-folder.ts';
import type { AttachmentRecord } from './attachment-record.ts';
import { unplug, unplugInside } from './cable.ts';
import { removeRules } from './container-firewall.ts';
import { ContainerNamespace, namespaceAt } from './container-namespace.ts';
import type { Network } from './network.ts';

/** Throws CniError, and then keeps the record for the next DEL. */
export async function detach(network: Network, { containerId, ifname, netns }: CniRequest): Promise<void> {
  const owner: Owner = { containerId, ifname };
  const record = network.records.find(owner) ?? unknown(owner, network.addresses.has(owner));
  await detachAll(network, record, netns);
}

/**
 * Cable first: as long as it is in, the address is in use. The record goes last. `netns` is where the container is now; empty
 * when nobody knows.
 */
export async function detachAll(network: Network, record: AttachmentRecord, netns: string): Promise<void> {
  if (!(await unplug(network.host, record.veth))) await detachInside(network, record, netns);
  if (record.rules) await removeRules(network, record);
  if (record.addresses === undefined) network.addresses.releaseAll(record);
  else for (const address of record.addresses) network.addresses.release(address, record);
  network.records.remove(record);
}

/** For containers of other plugins, and those whose cable is out already. */
async function detachInside({ host }: Network, record: AttachmentRecord, netns: string): Promise<void> {
  // Nothing of the host itself is ever taken for a container's.
  if (netns === '' || namespaceAt(netns) === host.identity) return;
  const container = openIfThere(netns);
  if (container === undefined) return;
  try {
    // A path that leads to another namespace by now has nothing of ours.
    if (record.namespace === '' || record.namespace === container.identity)
      await unplugInside(container, record.ifname);
  } finally {
    container.close();
  }
}

/** Of a container that another plugin has attached, or that is gone already. */
export function unknown(owner: Owner, rules: boolean): AttachmentRecord {
  return { ...owner, netns: '', namespace: '', veth: '', addresses: undefined, rules, result: '' };
}

/** DEL of what is no namespace any more has less to do, and succeeds. */
function openIfThere(path: string): ContainerNamespace | undefined {
  try {
    return ContainerNamespace.open(path);
  } catch {
    return undefined;
  }
}
