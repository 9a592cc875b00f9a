/**
 * How a host comes to its lease where the store assigns the subnets: it takes the one that is its own and publishes its
 * attributes for it. Nothing is chosen, created or given up.
 */
import { Fault } from '#runtime/fault.ts';
import type { AcquiredLease, AcquireRequest } from './acquire.ts';
import { assignedSubnet } from './kube-pod-cidrs.ts';
import { isSameHost } from './own-lease.ts';
import type { AssignedLease, LeaseSnapshot } from './store.ts';

export interface AssignedSnapshot extends LeaseSnapshot {
  readonly own: AssignedLease;
}

export type AssignedResult = Omit<AcquiredLease, 'how'> & { readonly how: 'assigned' };

/**
 * The lease, published; `lost` when the subnet was exchanged meanwhile: list again. Throws the Fault `kube.pod-cidr` when there
 * is none or it does not lie in the network, and the store's Faults.
 */
export async function takeAssigned(
  request: Pick<AcquireRequest, 'store' | 'network' | 'attributes' | 'ttlSeconds'>,
  snapshot: AssignedSnapshot,
  attempts: number,
): Promise<AssignedResult | 'lost'> {
  const { store, network, attributes, ttlSeconds } = request;
  const { node, lease: assigned } = snapshot.own;
  if (assigned instanceof Fault) throw assigned;
  const own = { ...assigned, subnet: assignedSubnet(assigned.subnet, network, node) };
  const lease = await store.renew(own, attributes, ttlSeconds);
  if (lease === 'lost') return 'lost';
  const { revision, rejected, leases: others } = snapshot;
  const duplicates = others.filter((other) => isSameHost(other.attributes, attributes));
  const leases = [...others, lease];
  return { lease, how: 'assigned', attempts, duplicates, released: [], snapshot: { revision, rejected, leases } };
}
