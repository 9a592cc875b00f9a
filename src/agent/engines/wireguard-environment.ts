/** What the environment of the agent says about WireGuard. */
import { DEFAULT_KEY_FILE } from '#wireguard/private-key-file.ts';
import type { WireguardEngineOptions } from './wireguard-engine.ts';

/**
 * WIREGUARD_KEY_FILE is flannel's. WEFT_WIREGUARD_DIRECTORY is for several agents on one machine (the lab): where
 * wireguard-go's sockets are, in place of /var/run/wireguard. Programs that are started get the variables of ours (WEFT_…)
 * and no other, since the environment of an agent may hold passwords.
 */
export function wireguardEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): Pick<WireguardEngineOptions, 'keyFile' | 'directory' | 'environment'> {
  const { WIREGUARD_KEY_FILE: keyFile = '', WEFT_WIREGUARD_DIRECTORY: directory = '' } = environment;
  const ours: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment)) {
    if (name.startsWith('WEFT_') && value !== undefined) ours[name] = value;
  }
  return {
    keyFile: keyFile === '' ? DEFAULT_KEY_FILE : keyFile,
    ...(directory === '' ? {} : { directory }),
    environment: ours,
  };
}
