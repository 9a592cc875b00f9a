/** Makes the list of leases to program from all that are known and the addresses that this host has. */
import type { Observed } from '#agent/kernel/state.ts';
import { admitLeases } from '#agent/leases/admission.ts';
import type { Lease } from '#model/lease.ts';
import { sameLeaseAttributes } from '#model/lease-record.ts';
import { formatSubnetKey } from '#model/subnet-key.ts';
import type { CoreState } from './state.ts';

/** Does nothing when neither leases nor addresses nor our own lease have changed since the last time. */
export function admitPeers(state: CoreState, observed: Pick<Observed, 'links' | 'addresses'>): void {
  const { network, own } = state;
  if (network === undefined || own === undefined) return;
  const ours = new Set(
    observed.links.filter(({ name }) => network.backend.devices.includes(name)).map(({ index }) => index),
  );
  const foreign = observed.addresses.filter(({ linkIndex }) => !ours.has(linkIndex));
  // Once each: links of containers may all have the gateway's (mode `ptp` of the plugin `weft`).
  const hostAddresses = [...new Set(foreign.map(({ address }) => address))];
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
  // The same leases in a new list are no change: what differs in the kernel then is drift.
  if (!sameLeases(state.admitted, admitted)) state.admitted = admitted;
  state.refused = refused;
}

function sameLeases(a: readonly Lease[], b: readonly Lease[]): boolean {
  return a.length === b.length && a.every((lease, at) => sameLease(lease, b[at]));
}

/** A key that was written again, or lost and claimed again, says the same in another object. */
function sameLease(a: Lease, b: Lease | undefined): boolean {
  if (a === b) return true;
  if (b === undefined || !sameLeaseAttributes(a.attributes, b.attributes)) return false;
  return formatSubnetKey(a.subnet) === formatSubnetKey(b.subnet);
}
