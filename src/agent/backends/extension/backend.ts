/** The extension backend: hosts connected by the operator's own commands, as flannel's (spec §5.7). */
import type { Backend, BackendType } from '#agent/backends/backend.ts';
import type { NetworkConfig } from '#model/network-config.ts';
import { desiredExtensionState } from './desired.ts';
import { type ExtensionOptions, parseExtensionOptions } from './options.ts';

const TYPE = 'extension';

export const extensionBackend: BackendType = {
  type: TYPE,
  open(config) {
    const parsed = parseExtensionOptions(config);
    return 'problems' in parsed ? parsed : { backend: open(parsed.options, config) };
  },
};

function open(options: ExtensionOptions, config: NetworkConfig): Backend {
  return {
    leaseType: TYPE,
    devices: [],
    engine: TYPE,
    needsHostRoutes: false,
    underlayRoutes: 'operators',
    refuseUnderlay: () => undefined,
    mtu: (underlay) => underlay.mtu,
    identify: ({ published }) => ({ macs: {}, ...(published === undefined ? {} : { published }) }),
    leaseData: ({ published }) => (published === undefined ? {} : { ipv4: published }),
    desired: (request) => desiredExtensionState(options, config, request),
  };
}
