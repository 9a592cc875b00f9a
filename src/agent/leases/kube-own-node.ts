/** This host's own node: whether it still says what we published, and what must be written so that it does. Pure but for its memory. */

import type { KubeNode } from '#kube/api.ts';
import { isOlderVersion } from '#kube/resource-version.ts';
import { FAMILIES, sameCidr } from '#model/ip.ts';
import type { Lease, LeaseAttributes } from '#model/lease.ts';
import { sameLeaseAttributes } from '#model/lease-record.ts';
import { formatSubnetKey, type SubnetKey } from '#model/subnet-key.ts';
import { Fault } from '#runtime/fault.ts';
import { type AnnotationNames, annotationPatch, readAnnotations } from './kube-annotations.ts';
import { subnetOfPodCidrs } from './kube-pod-cidrs.ts';
import type { LeaseChange } from './store.ts';

/** The condition that flannel sets when it is done (spec §7.6). */
export function networkAvailableCondition(now: Date): object {
  // Kubernetes' times are whole seconds.
  const time = now.toISOString().replace(/\.\d+Z$/, 'Z');
  return {
    type: 'NetworkUnavailable',
    status: 'False',
    reason: 'FlannelIsUp',
    message: 'Flannel is running on this node',
    lastTransitionTime: time,
    lastHeartbeatTime: time,
  };
}

/** Whether Kubernetes gives the node just this subnet, in the families that it has. */
export function hasSubnet(node: KubeNode, subnet: SubnetKey): boolean {
  const assigned = subnetOfPodCidrs(node.podCidrs);
  if ('reason' in assigned) return false;
  return FAMILIES.every((family) => {
    const [wanted, given] = [subnet[family], assigned.subnet[family]];
    return wanted === undefined || (given !== undefined && sameCidr(wanted, given));
  });
}

export class KubeOwnNode {
  readonly #names: AnnotationNames;
  #held: Lease | undefined;
  #heldKey: string | undefined;
  #version = '';
  #inOrder: boolean = false;

  constructor(names: AnnotationNames) {
    this.#names = names;
  }

  /** Our lease while the node says what we published. */
  get lease(): Lease | undefined {
    return this.#inOrder ? this.#held : undefined;
  }

  /** Whether a change is about the subnet that we hold. */
  isHeld(subnet: SubnetKey): boolean {
    return this.#heldKey !== undefined && formatSubnetKey(subnet) === this.#heldKey;
  }

  /** `node` is as our own write left it. */
  hold(lease: Lease, node: KubeNode): void {
    this.#held = lease;
    this.#heldKey = formatSubnetKey(lease.subnet);
    this.#version = node.resourceVersion;
    this.#inOrder = true;
  }

  /**
   * What the node's new state changes; undefined when it is gone. Only turns for the worse and for the better are told, not
   * each of the node's reports. `listed`: it comes from a listing, which is never older than our own write.
   */
  see(node: KubeNode | undefined, revision: number, listed: boolean): LeaseChange | undefined {
    if (this.#held === undefined) return undefined;
    if (node !== undefined && !listed && isOlderVersion(node.resourceVersion, this.#version)) return undefined;
    if (node !== undefined) this.#version = node.resourceVersion;
    const inOrder = node !== undefined && this.#saysWhatWePublished(node, this.#held);
    if (inOrder === this.#inOrder) return undefined;
    this.#inOrder = inOrder;
    if (!inOrder) return this.#lost(node, this.#held, revision);
    this.#held = { ...this.#held, modified: revision };
    return { type: 'put', lease: this.#held };
  }

  #saysWhatWePublished(node: KubeNode, { subnet, attributes }: Lease): boolean {
    try {
      return (
        hasSubnet(node, subnet) && Object.keys(annotationPatch(node.annotations, this.#names, attributes)).length === 0
      );
    } catch (error) {
      if (error instanceof Fault) return false;
      throw error;
    }
  }

  #lost(node: KubeNode | undefined, held: Lease, revision: number): LeaseChange {
    const record =
      node === undefined || !hasSubnet(node, held.subnet) ? undefined : readAnnotations(node.annotations, this.#names);
    if (record?.type !== 'lease' || sameLeaseAttributes(record.attributes, held.attributes)) {
      return { type: 'gone', subnet: held.subnet };
    }
    return { type: 'put', lease: { ...held, attributes: record.attributes, modified: revision } };
  }
}

/** What a node without annotations publishes. */
export const NOTHING_PUBLISHED: LeaseAttributes = { publicIp: 0, publicIpv6: null, backendType: '' };
