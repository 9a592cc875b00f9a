/** Makes the list of leases to program from all that are known. */
import { admitLeases } from '#agent/leases/admission.ts';
import type { Action } from './input.ts';
import { reportRefused } from './report-refused.ts';
import type { CoreState } from './state.ts';

export function admitPeers(state: CoreState, actions: Action[]): void {
  const { network, own, host } = state;
  if (network === undefined || own === undefined) return;
  const ours = new Set(
    host?.links.filter(({ name }) => network.backend.devices.includes(name)).map(({ index }) => index),
  );
  const { admitted, refused } = admitLeases({
    leases: state.view.peers,
    network: network.config,
    own,
    hostAddresses: host?.addresses.filter(({ linkIndex }) => !ours.has(linkIndex)).map(({ address }) => address) ?? [],
  });
  state.viewChanged = false;
  state.admitted = admitted;
  reportRefused(state, 'admission', refused, actions);
}
