/** How the engines of backends are opened, by name. */
import { dirname, join } from 'node:path';
import type { OpenEngines } from '#agent/backends/engine.ts';
import { systemClock } from '#runtime/clock.ts';
import type { Log } from '#runtime/log.ts';

/** Beside the subnet file: which peers the commands of an extension were told of, over restarts. */
const TOLD_PEERS_NAME = 'extension-peers.json';

type Environment = Readonly<Record<string, string | undefined>>;

/** Loaded only where the network document asks for them. */
export function openEngines(environment: Environment, log: Log, subnetFile: string): OpenEngines {
  const clock = systemClock;
  return {
    wireguard: async () => {
      const { openWireguardEngine } = await import('#agent/engines/wireguard-engine.ts');
      const { wireguardEnvironment } = await import('#agent/engines/wireguard-environment.ts');
      return openWireguardEngine({ ...wireguardEnvironment(environment), log, clock });
    },
    extension: async (network) => {
      const { openExtensionEngine } = await import('#agent/engines/extension-engine.ts');
      const { parseExtensionOptions } = await import('#agent/backends/extension/options.ts');
      const { toldPeersFile } = await import('#agent/engines/told-peers.ts');
      const parsed = parseExtensionOptions(network);
      if ('problems' in parsed) throw new Error('the registry refuses such a document before');
      const { preStartup } = parsed.options;
      return openExtensionEngine({
        preStartup,
        told: toldPeersFile(join(dirname(subnetFile), TOLD_PEERS_NAME)),
        clock,
        log,
      });
    },
    udp: async () => (await import('#agent/engines/udp-engine.ts')).openUdpEngine({ clock, log }),
  };
}
