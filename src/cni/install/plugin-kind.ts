/**
 * What can be installed: a plugin of ours with the network list that uses it. Another plugin is another entry of
 * `PLUGIN_KINDS`; nothing else in this folder knows one by name.
 */
import type { JsonObject } from '#cni/protocol/configuration.ts';

export interface PluginKind {
  /** The plugin, which is the name of its file and of the link to the program. */
  readonly plugin: string;
  /** What it is a link to: the launcher, which knows by its name what it is, or a program beside the bundle. */
  readonly program: 'launcher' | 'cni-weft';
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
  /**
   * For plugins that only ask the agent: one that serves the trial on the host that is a namespace (a path), with the variables by
   * which the plugin finds it.
   */
  readonly serveTrial?: (namespace: string, folder: string) => Promise<TrialAgent>;
}

export interface TrialAgent {
  readonly environment: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

const FLANNEL: PluginKind = {
  plugin: 'flannel',
  program: 'launcher',
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

const WEFT: PluginKind = {
  plugin: 'weft',
  program: 'cni-weft',
  listFile: '10-weft.conflist',
  // Of the same name as the other plugin's, so that addresses in use stay known.
  networkName: 'cbr0',
  companions: [],
  optionalCompanions: ['loopback'],
  bridge: 'cni0',
  chain: [{ type: 'weft', capabilities: { portMappings: true } }],
  forTrial: (config, folder, subnetFile) => ({
    ...config,
    subnetFile,
    dataDir: `${folder}/records`,
    ipam: { ...(typeof config['ipam'] === 'object' ? config['ipam'] : {}), dataDir: `${folder}/addresses` },
  }),
  async serveTrial(namespace, folder) {
    const { openTrialAgent } = await import('./trial-agent.ts');
    return openTrialAgent(namespace, folder);
  },
};

export const PLUGIN_KINDS = { flannel: FLANNEL, weft: WEFT } as const satisfies Readonly<Record<string, PluginKind>>;
export type PluginKindName = keyof typeof PLUGIN_KINDS;
