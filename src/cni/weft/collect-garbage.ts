/** GC: everything of a network that belongs to no container of the runtime's list goes. */
import type { Configuration } from '#cni/protocol/configuration.ts';
import { validAttachments } from '#cni/protocol/configuration.ts';
import { CNI_CODES, CniError, errorText } from '#cni/protocol/error.ts';
import type { Owner } from './address-folder.ts';
import { detachAll, unknown } from './detach.ts';
import { type Network, ownerKey } from './network.ts';

/** Goes through all before it throws CniError 999 with what could not be removed. */
export async function collectGarbage(network: Network, config: Configuration): Promise<void> {
  const valid = new Set(validAttachments(config).map(ownerKey));
  const left: string[] = [];
  for (const owner of owners(network)) {
    // What is being made or removed now is younger than the runtime's list.
    if (valid.has(ownerKey(owner)) || network.isBusy(owner)) continue;
    try {
      const record = network.records.find(owner) ?? unknown(owner, true);
      await detachAll(network, record, record.netns);
    } catch (error) {
      left.push(`${ownerKey(owner)}: ${errorText(error)}`);
    }
  }
  network.addresses.removeTorn();
  if (left.length > 0)
    throw new CniError(
      CNI_CODES.internal,
      `GC could not remove ${left.length} attachments`,
      left.join('; ').slice(0, 2000),
    );
}

/** Those with a record, and those of other plugins that have an address. */
function owners({ records, addresses }: Network): readonly Owner[] {
  const found = new Map<string, Owner>();
  for (const record of records.list()) found.set(ownerKey(record), record);
  for (const { owner } of addresses.list()) if (owner !== undefined) found.set(ownerKey(owner), owner);
  return [...found.values()];
}
