/** What one pass is to do, from what the core knows and what is observed. Pure. */
import type { RefusedLease } from '#agent/backends/backend.ts';
import { deviceOperations, diff } from '#agent/kernel/diff.ts';
import type { DesiredState, Observed, Operation } from '#agent/kernel/state.ts';
import { Fault } from '#runtime/fault.ts';
import type { CoreState } from './state.ts';

export interface Plan {
  readonly operations: readonly Operation[];
  /** Leases whose backend data cannot be used. */
  readonly refused: readonly RefusedLease[];
  /** Why nothing can be done. */
  readonly blocked: Fault | undefined;
}

const NOTHING: Plan = { operations: [], refused: [], blocked: undefined };

export function plan(state: CoreState, observed: Observed): Plan {
  const { network, underlay, mac, own } = state;
  if (network === undefined || underlay === undefined || mac === undefined) return NOTHING;
  const { state: desired, refused } = network.backend.desired({ underlay, mac, own, leases: state.admitted });
  const blocked = foreignDevice(desired, observed);
  if (blocked !== undefined) return { ...NOTHING, blocked };
  // Until the leases are known, what an earlier run left on the device is what keeps the Pods connected.
  const operations = own === undefined ? deviceOperations(desired, observed) : diff(desired, observed);
  return { operations, refused, blocked };
}

/** A device of our name but another kind, or another device with our VNI and port: not ours to delete. */
function foreignDevice(desired: DesiredState, observed: Observed): Fault | undefined {
  for (const device of desired.devices) {
    const namesake = observed.links.find((link) => link.name === device.name);
    if (namesake !== undefined && namesake.vxlan === undefined) {
      return new Fault('kernel.device-busy', {
        what: `a device named ${device.name} is there already, of kind ${namesake.kind === '' ? 'unknown' : namesake.kind}`,
        where: device.name,
      });
    }
    const rival = observed.links.find(
      ({ name, vxlan }) => name !== device.name && vxlan?.vni === device.vni && vxlan.port === device.port,
    );
    if (rival !== undefined && namesake === undefined) {
      return new Fault('kernel.device-busy', {
        what: `the device ${rival.name} has VNI ${device.vni} on port ${device.port} already`,
        where: rival.name,
      });
    }
  }
  return undefined;
}
