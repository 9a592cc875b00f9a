/** What the plugin `flannel` reads of its configuration; names in any case, unknown ones passed over (spec §8.1). */
import { type Configuration, type JsonObject, objectMember, textMember } from '#cni/protocol/configuration.ts';

export interface FlannelConfiguration {
  readonly subnetFile: string;
  /** Where the state of attachments is kept. */
  readonly dataDir: string;
  readonly delegate: JsonObject;
  readonly ipam: JsonObject;
  readonly runtimeConfig: JsonObject | undefined;
}

export const DEFAULT_SUBNET_FILE = '/run/flannel/subnet.env';
export const DEFAULT_DATA_DIR = '/var/lib/cni/flannel';

/** Throws CniError 6 for members of the wrong type. */
export function flannelConfiguration({ members }: Configuration): FlannelConfiguration {
  return {
    subnetFile: textMember(members, 'subnetfile') || DEFAULT_SUBNET_FILE,
    dataDir: textMember(members, 'datadir') || DEFAULT_DATA_DIR,
    delegate: objectMember(members, 'delegate') ?? {},
    ipam: objectMember(members, 'ipam') ?? {},
    runtimeConfig: objectMember(members, 'runtimeconfig'),
  };
}
