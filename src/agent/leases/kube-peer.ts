/** A node as a peer: the lease that its podCIDR and its annotations make. */

import type { KubeNode } from '#kube/api.ts';
import type { LeaseAttributes, RejectedRecord } from '#model/lease.ts';
import { sameLeaseAttributes } from '#model/lease-record.ts';
import { formatSubnetKey, type SubnetKey } from '#model/subnet-key.ts';
import { type AnnotationNames, readAnnotations } from './kube-annotations.ts';
import { subnetOfPodCidrs } from './kube-pod-cidrs.ts';

export interface KubePeer {
  readonly node: string;
  readonly resourceVersion: string;
  /** Of the node: the older one keeps a subnet that two have. */
  readonly created: number;
  readonly claim?: KubeClaim;
  /** Why it is no peer although it takes part. */
  readonly rejected?: RejectedRecord;
}

export interface KubeClaim {
  /** `formatSubnetKey` of the subnet. */
  readonly key: string;
  readonly subnet: SubnetKey;
  readonly attributes: LeaseAttributes;
}

export function peerOfNode(node: KubeNode, names: AnnotationNames): KubePeer {
  const base = { node: node.name, resourceVersion: node.resourceVersion, created: ageOf(node) };
  const record = readAnnotations(node.annotations, names);
  if (record.type === 'none') return base;
  const key = `node ${node.name}`;
  const assigned = subnetOfPodCidrs(node.podCidrs);
  if ('reason' in assigned) return { ...base, rejected: { key, reason: assigned.reason } };
  const { subnet } = assigned;
  if (record.type === 'rejected') return { ...base, rejected: { key, reason: record.reason, subnet } };
  return { ...base, claim: { key: formatSubnetKey(subnet), subnet, attributes: record.attributes } };
}

export function sameClaim(a: KubeClaim | undefined, b: KubeClaim | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.key === b.key && sameLeaseAttributes(a.attributes, b.attributes);
}

/**
 * When the node was created. Kubernetes tells whole seconds; the identifier decides between two of one second, so that
 * all hosts agree. A node without a time is the youngest.
 */
export function ageOf({ createdMs, uid }: Pick<KubeNode, 'createdMs' | 'uid'>): number {
  if (createdMs === undefined) return Number.MAX_SAFE_INTEGER;
  let hash = 0;
  for (let at = 0; at < uid.length; at += 1) hash = (Math.imul(hash, 31) + uid.charCodeAt(at)) >>> 0;
  return createdMs + (hash % 1000);
}
