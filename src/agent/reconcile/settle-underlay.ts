/** The interface is known, or known anew: what follows from it at once. */
import type { Underlay } from '#agent/backends/backend.ts';
import type { Ownership } from '#agent/kernel/ownership.ts';
import { FAMILIES } from '#model/ip.ts';
import type { Action } from './input.ts';
import { ownSysctls } from './own-sysctls.ts';
import type { CoreState } from './state.ts';

export function settleUnderlay(state: CoreState, underlay: Underlay): void {
  state.underlay = underlay;
  state.ownership = ownershipOf(state, underlay);
  state.viewChanged = true;
  state.dirty = true;
}

/** Fields of the log line that tells which interface carries the fabric. */
export function underlayFields({ name, mtu, ipv4, ipv6 }: Underlay, format: Format): NonNullable<LogFields> {
  return {
    iface: name,
    ...(ipv4 === undefined ? {} : { address: format(ipv4.address), public_ip: format(ipv4.publicIp) }),
    ...(ipv6 === undefined ? {} : { address_v6: format(ipv6.address), public_ipv6: format(ipv6.publicIp) }),
    mtu,
  };
}

type Format = (address: number | bigint) => string;
type LogFields = (Action & { readonly type: 'log' })['fields'];

function ownershipOf({ network, settings }: CoreState, underlay: Underlay): Ownership | undefined {
  if (network === undefined) return undefined;
  const { config, backend } = network;
  const families = FAMILIES.filter((family) => config[family] !== undefined);
  return {
    devices: backend.devices,
    underlay: underlay.name,
    underlayRoutes: backend.underlayRoutes,
    networks: FAMILIES.flatMap((family) => config[family] ?? []),
    blackholes: settings.blackhole,
    hostRoutes: backend.needsHostRoutes || settings.blackhole,
    ...(settings.manageSysctls ? { sysctls: ownSysctls(backend, underlay.name, families) } : {}),
  };
}
