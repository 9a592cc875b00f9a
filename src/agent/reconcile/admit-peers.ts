/** Makes the list of leases to program from all that are known and the addresses that this host has. */
import type { Observed } from '#agent/kernel/state.ts';
import { admitLeases } from '#agent/leases/admission.ts';
import type { CoreState } from './state.ts';

/** Does nothing when neither leases nor addresses nor our own lease have changed since the last time. */
export function admitPeers(state: CoreState, observed: Pick<Observed, 'links' | 'addresses'>): void {
  const { network, own } = state;
  if (network === undefined || own === undefined) return;
  const ours = new Set(
    observed.links.filter(({ name }) => network.backend.devices.includes(name)).map(({ index }) => index),
  );
  const hostAddresses = observed.addresses
    .filter(({ linkIndex }) => !ours.has(linkIndex))
    .map(({ address }) => address);
  const addresses = hostAddresses.join();
  if (!state.viewChanged && addresses === state.admittedWith) return;
  const { admitted, refused, superseded } = admitLeases({
    leases: state.view.peers,
    departed: state.departed.leases,
    network: network.config,
    own,
    hostAddresses,
  });
  for (const lease of superseded) state.departed.drop(lease);
  state.superseded = state.superseded.concat(superseded);
  state.viewChanged = false;
  state.admittedWith = addresses;
  state.admitted = admitted;
  state.refused = refused;
}
