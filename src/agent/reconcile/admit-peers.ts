/** Makes the list of leases to program from all that are known. */
import { admitLeases } from '#agent/leases/admission.ts';
import type { Action } from './input.ts';
import { reportRefused } from './report-refused.ts';
import type { CoreState } from './state.ts';

export function admitPeers(state: CoreState, actions: Action[]): void {
  const { network, own, underlay, host } = state;
  if (network === undefined || own === undefined || underlay === undefined) return;
  const device = host?.links.find((link) => link.name === network.backend.device)?.index;
  const { admitted, refused } = admitLeases({
    leases: state.view.peers,
    network: network.config,
    own: own.subnet,
    ownPublicIp: underlay.publicIp,
    hostAddresses: host?.addresses.filter((entry) => entry.linkIndex !== device).map((entry) => entry.address) ?? [],
    backendType: network.config.backend.type,
  });
  state.viewChanged = false;
  state.admitted = admitted;
  reportRefused(state, 'admission', refused, actions);
}
