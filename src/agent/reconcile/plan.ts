/** What one pass is to do, from what the core knows and what is observed. Pure. */
import type { Desired, RefusedLease } from '#agent/backends/backend.ts';
import type { EngineState } from '#agent/backends/engine-state.ts';
import { deviceOperations, entryChange, type PeerEntries } from '#agent/kernel/diff.ts';
import type { Ownership } from '#agent/kernel/ownership.ts';
import type { DesiredState, Device, HostRoute, Observed, ObservedLink, Operation } from '#agent/kernel/state.ts';
import { type Cidr, FAMILIES, sameCidr } from '#model/ip.ts';
import { Fault } from '#runtime/fault.ts';
import type { HoldBack } from './hold-back.ts';
import { sysctlOperations } from './own-sysctls.ts';
import type { CoreState } from './state.ts';

export interface Plan {
  readonly operations: readonly Operation[];
  /** Leases whose backend data cannot be used. */
  readonly refused: readonly RefusedLease[];
  /** Why nothing can be done. */
  readonly blocked: Fault | undefined;
  /** What stands for peers when all of it is done; absent where something is left alone. */
  readonly wanted?: PeerEntries;
}

const NOTHING: Plan = { operations: [], refused: [], blocked: undefined };

/** `ownership` is what `observed` was observed with; `holdBack` says what is left alone for now. */
export function plan(state: CoreState, observed: Observed, ownership: Ownership, holdBack: HoldBack): Plan {
  const wanted = desiredOf(state, observed.hostRoutes);
  if (wanted === undefined) return NOTHING;
  const desired = withBlackholes(wanted.state, state, observed.hostRoutes);
  const blocked = foreignDevice(desired, observed) ?? missingDevice(desired, observed);
  if (blocked !== undefined) return { ...NOTHING, blocked };
  // Until the leases are known, what an earlier run left on the device is what keeps the Pods connected.
  const devices = holdBack.allowed(deviceOperations(desired, observed));
  const { refused } = wanted;
  if (state.own === undefined || devices.length > 0) return { operations: devices, refused, blocked };
  const sysctls = holdBack.allowed(sysctlOperations(observed, ownership.underlay, state.givenUpSysctls));
  const change = entryChange(desired, observed, ownership);
  const entries = holdBack.allowed(holdBack.standing(change.operations, observed));
  const isWhole = entries.length === change.operations.length;
  return { operations: [...sysctls, ...entries], refused, blocked, ...(isWhole ? { wanted: change.wanted } : {}) };
}

/** What the backend's engine is to do, before the kernel is looked at. */
export function engineWork(state: CoreState): EngineState | undefined {
  return desiredOf(state, [])?.engine;
}

function desiredOf(state: CoreState, hostRoutes: readonly HostRoute[]): Desired | undefined {
  const { network, underlay, identity, own } = state;
  if (network === undefined || underlay === undefined || identity === undefined) return undefined;
  return network.backend.desired({ underlay, identity, own, leases: state.admitted, hostRoutes });
}

/**
 * Blackholes of our own subnets, when the operator wants them: packets to Pods that are no more must not leave by the default
 * route. Where the Pods' bridge has a route of its own there is none: of two equal routes the kernel takes the first.
 */
function withBlackholes(desired: DesiredState, state: CoreState, hostRoutes: readonly HostRoute[]): DesiredState {
  const { own, settings } = state;
  if (!settings.blackhole || own === undefined) return desired;
  const subnets: readonly Cidr[] = FAMILIES.flatMap((family) => own.subnet[family] ?? []);
  const blackholes = subnets
    .filter((subnet) => !hostRoutes.some(({ destination }) => sameCidr(destination, subnet)))
    .map((destination) => ({ type: 'blackhole', destination }) as const);
  return { ...desired, routes: [...desired.routes, ...blackholes] };
}

/** A device of our name but another kind, or another device with our VNI and port: not ours to delete. */
function foreignDevice(desired: DesiredState, observed: Observed): Fault | undefined {
  for (const device of desired.devices) {
    const namesake = observed.links.find((link) => link.name === device.name);
    if (namesake !== undefined && !isOfKind(namesake, device)) {
      return new Fault('kernel.device-busy', {
        what: `a device named ${device.name} is there already, of kind ${namesake.kind === '' ? 'unknown' : namesake.kind}`,
        where: device.name,
      });
    }
    if (device.kind !== 'vxlan' || namesake !== undefined) continue;
    // The kernel keeps VNIs apart by family; a device without a local address is one of IPv4.
    const rival = observed.links.find(
      ({ vxlan }) =>
        vxlan?.vni === device.vni && vxlan.port === device.port && typeof (vxlan.local ?? 0) === typeof device.local,
    );
    if (rival !== undefined) {
      return new Fault('kernel.device-busy', {
        what: `the device ${rival.name} has VNI ${device.vni} on port ${device.port} already`,
        where: rival.name,
      });
    }
  }
  return undefined;
}

/** WireGuard in user space is a TUN device. */
function isOfKind(link: ObservedLink, device: Device): boolean {
  return link.kind === device.kind || (device.kind === 'wireguard' && link.kind === 'tun');
}

function missingDevice(desired: DesiredState, observed: Observed): Fault | undefined {
  const missing = desired.devices.find(
    ({ kind, name }) => (kind === 'wireguard' || kind === 'tun') && !observed.links.some((link) => link.name === name),
  );
  if (missing === undefined) return undefined;
  return new Fault('kernel.no-device', { what: `the device ${missing.name} is not there`, where: missing.name });
}
