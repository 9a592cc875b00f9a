/** The MAC in the record that this host left: kept over restarts and reboots, so that peers need not learn a new one. */
import type { Backend } from '#agent/backends/backend.ts';
import type { Ipv4 } from '#model/ipv4.ts';
import type { Lease } from '#model/lease.ts';
import type { Mac } from '#model/mac.ts';
import type { NetworkConfig } from '#model/network-config.ts';

export function recordedMac(
  leases: readonly Lease[],
  publicIp: Ipv4,
  network: { readonly config: NetworkConfig; readonly backend: Backend },
): Mac | undefined {
  const own = leases.find(
    ({ attributes }) => attributes.publicIp === publicIp && attributes.backendType === network.config.backend.type,
  );
  return network.backend.recordedMac(own?.attributes.backendData);
}
