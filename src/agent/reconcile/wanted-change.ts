/**
 * Tells what we want to be otherwise from what has drifted: by comparing references and a few small values with those of the
 * last complete pass, never ten thousand peers one by one. With changed peers all that stands for peers counts as wanted, drift
 * in the same pass too; devices, addresses and sysctls never come from a peer.
 */
import { isDeviceOperation } from '#agent/kernel/diff.ts';
import type { HostRoute, Operation } from '#agent/kernel/state.ts';
import { sameCidr } from '#model/ip.ts';
import { formatSubnetKey } from '#model/subnet-key.ts';
import type { CoreState } from './state.ts';

/** What the last complete pass was made from. */
export interface Reconciled extends Pick<CoreState, 'network' | 'underlay' | 'ownership' | 'identity' | 'admitted'> {
  readonly subnet: string;
  /** Of table main, where they decide which peers are reached directly. */
  readonly hostRoutes: readonly HostRoute[];
}

/** Undefined before there is a lease: nothing is complete then. */
export function reconciledBy(state: CoreState, hostRoutes: readonly HostRoute[]): Reconciled | undefined {
  const { network, underlay, ownership, identity, admitted, own } = state;
  if (own === undefined) return undefined;
  return { network, underlay, ownership, identity, admitted, subnet: formatSubnetKey(own.subnet), hostRoutes };
}

/** Which operations of a pass that looks at these `hostRoutes` are drift. */
export function driftFilter(state: CoreState, hostRoutes: readonly HostRoute[]): 'all' | 'none' | 'foundation' {
  const before = state.reconciled;
  const now = reconciledBy(state, hostRoutes);
  if (before === undefined || now === undefined) return 'none';
  const sameFoundation =
    before.network === now.network &&
    before.underlay === now.underlay &&
    before.ownership === now.ownership &&
    before.identity === now.identity &&
    before.subnet === now.subnet;
  if (!sameFoundation) return 'none';
  return before.admitted === now.admitted && sameRoutes(before.hostRoutes, hostRoutes) ? 'all' : 'foundation';
}

export function isFoundation(operation: Operation): boolean {
  const { type } = operation;
  return isDeviceOperation(operation) || type === 'address-add' || type === 'address-delete' || type === 'sysctl-set';
}

function sameRoutes(a: readonly HostRoute[], b: readonly HostRoute[]): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  return a.every((route, at) => {
    const other = b[at];
    return (
      other !== undefined &&
      route.linkIndex === other.linkIndex &&
      route.gateway === other.gateway &&
      sameCidr(route.destination, other.destination)
    );
  });
}
