/** What the host-gw backend wants in the kernel: per peer and family a plain route through its host (spec §5.2). */
import type { Desired, DesiredRequest } from '#agent/backends/backend.ts';
import { hostOf } from '#agent/backends/peer-host.ts';
import type { RouteEntry } from '#agent/kernel/state.ts';
import { FAMILIES, type Family } from '#model/ip.ts';
import type { Lease } from '#model/lease.ts';

export function desiredHostGwState({ underlay, leases }: DesiredRequest): Desired {
  const routes = leases.flatMap((lease) => FAMILIES.flatMap((family) => routeTo(lease, family, underlay.name) ?? []));
  return { state: { devices: [], addresses: [], neighbors: [], fdb: [], routes }, refused: [] };
}

/** The kernel refuses a gateway that is not on the link; it is tried again, and its words are in the log. */
function routeTo(lease: Lease, family: Family, device: string): RouteEntry | undefined {
  const destination = lease.subnet[family];
  const gateway = hostOf(lease, family);
  if (destination === undefined || gateway === undefined) return undefined;
  return { type: 'gateway', device, destination, gateway };
}
