/** Makes the list of leases to program from all that are known and the addresses that this host has. */
import type { Observed } from '#agent/kernel/state.ts';
import { admitLeases } from '#agent/leases/admission.ts';
import type { CoreState } from './state.ts';

/** Does nothing when neither leases nor addresses have changed since the last time. */
export function admitPeers(state: CoreState, observed: Observed): void {
  const { network, own, underlay } = state;
  if (network === undefined || own === undefined || underlay === undefined) return;
  const device = observed.links.find((link) => link.name === network.backend.device)?.index;
  const hostAddresses = observed.addresses
    .filter(({ linkIndex }) => linkIndex !== device)
    .map(({ address }) => address);
  const addresses = hostAddresses.join();
  if (!state.viewChanged && addresses === state.admittedWith) return;
  const { admitted, refused } = admitLeases({
    leases: state.view.peers,
    network: network.config,
    own: own.subnet,
    ownPublicIp: underlay.publicIp,
    hostAddresses,
    backendType: network.config.backend.type,
  });
  state.viewChanged = false;
  state.admittedWith = addresses;
  state.admitted = admitted;
  state.refused = refused;
}
