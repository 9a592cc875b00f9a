/**
 * What can be installed: a plugin of ours with the network list that uses it. Another plugin is another entry of
 * `PLUGIN_KINDS`; nothing else in this folder knows one by name.
 */
import type { JsonObject } from '#cni/protocol/configuration.ts';

export interface PluginKind {
  /** The plugin, which is the name of its file and of the link to the program. */
  readonly plugin: string;
  /** File in the folder of network lists. */
  readonly listFile: string;
  /** Name of the network unless another is given. */
  readonly networkName: string;
  /** Plugins of the distribution that it needs, linked when the folder has none of that name. */
  readonly companions: readonly string[];
  /** Linked if the distribution has them; runtimes use them beside the network. */
  readonly optionalCompanions: readonly string[];
  /** The bridge whose address follows from the subnet file; undefined when it makes none. */
  readonly bridge: string | undefined;
  /** Members of `plugins` in the network list. */
  readonly chain: readonly JsonObject[];
  /** Its configuration so that a trial leaves nothing behind: `folder` is the trial's own. */
  readonly forTrial: (config: JsonObject, folder: string, subnetFile: string) => JsonObject;
}

const FLANNEL: PluginKind = {
  plugin: 'flannel',
  listFile: '10-flannel.conflist',
  networkName: 'cbr0',
  companions: ['bridge', 'host-local', 'portmap'],
  optionalCompanions: ['loopback'],
  bridge: 'cni0',
  chain: [
    { type: 'flannel', delegate: { hairpinMode: true, isDefaultGateway: true } },
    { type: 'portmap', capabilities: { portMappings: true } },
  ],
  forTrial: (config, folder, subnetFile) => ({
    ...config,
    subnetFile,
    dataDir: `${folder}/flannel`,
    ipam: { ...(typeof config['ipam'] === 'object' ? config['ipam'] : {}), dataDir: `${folder}/addresses` },
  }),
};

export const PLUGIN_KINDS = { flannel: FLANNEL } as const satisfies Readonly<Record<string, PluginKind>>;
export type PluginKindName = keyof typeof PLUGIN_KINDS;
