/** One network of the configuration: where its addresses and records are, and the host that it is on. */

import { AddressFolder, type Owner } from './address-folder.ts';
import type { NetworkPlaces } from './attachment-config.ts';
import { AttachmentRecords } from './attachment-record.ts';
import type { Files } from './files.ts';
import type { HostSide } from './host-side.ts';

export interface Network {
  readonly name: string;
  readonly host: HostSide;
  readonly addresses: AddressFolder;
  readonly records: AttachmentRecords;
  /** Whether a request for this container and interface is being served. */
  readonly isBusy: (owner: Owner) => boolean;
}

export function openNetwork(
  { name, addresses, records }: NetworkPlaces,
  parts: { readonly host: HostSide; readonly files: Files; readonly isBusy: Network['isBusy'] },
): Network {
  const { host, files, isBusy } = parts;
  return {
    name,
    host,
    isBusy,
    addresses: new AddressFolder(addresses, files),
    records: new AttachmentRecords(records, files),
  };
}

/** One for each container and interface of a network. */
export function ownerKey({ containerId, ifname }: Owner): string {
  return `${containerId}:${ifname}`;
}
