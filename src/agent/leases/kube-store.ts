/**
 * LeaseStore on Kubernetes (spec §7): the API server assigns each node its subnet (podCIDR), and what a host publishes stands in
 * the annotations of its node, named and written as flannel's.
 *
 * Unlike flannel's: a change of either family counts (D-13), so do a new podCIDR and annotations that are removed; a node
 * without annotations is a node (D-29); the own node is watched, and published again when somebody changed it.
 *
 * Revisions are our own count of what changed here: those of Kubernetes are texts that grow with every report of a node.
 */
import { readFile } from 'node:fs/promises';
import type { KubeApi, KubeNode, NodeEvent } from '#kube/api.ts';
import type { Lease, LeaseAttributes } from '#model/lease.ts';
import { formatSubnetKey, type SubnetKey } from '#model/subnet-key.ts';
import { Fault } from '#runtime/fault.ts';
import type { AssignedSnapshot } from './kube-acquire.ts';
import { type AnnotationNames, annotationPatch, nodePublicIps, readAnnotations } from './kube-annotations.ts';
import { hasSubnet, KubeOwnNode, NOTHING_PUBLISHED, networkAvailableCondition } from './kube-own-node.ts';
import { ageOf, peerOfNode } from './kube-peer.ts';
import { KubePeerTable } from './kube-peer-table.ts';
import { subnetOfPodCidrs } from './kube-pod-cidrs.ts';
import type { LeaseChange, LeaseEvent, LeaseStore } from './store.ts';

export interface KubeLeaseStoreOptions {
  /** Closed by the store. */
  readonly api: KubeApi;
  /** The name of our node; asked for until it is known. */
  readonly nodeName: () => Promise<string>;
  readonly annotations: AnnotationNames;
  /** File with the network document. */
  readonly networkFile: string;
}

interface Listing {
  readonly table: KubePeerTable;
  readonly own: KubeNode | undefined;
  readonly resourceVersion: string;
}

export class KubeLeaseStore implements LeaseStore {
  readonly #api: KubeApi;
  readonly #names: AnnotationNames;
  readonly #networkFile: string;
  readonly #askNodeName: () => Promise<string>;
  readonly #own: KubeOwnNode;
  #nodeName: string | undefined;
  #revision = 0;
  /** The latest listing, until a watch goes on from it. */
  #listed: (Listing & { readonly revision: number }) | undefined;
  #isUp: boolean = false;

  constructor({ api, nodeName, annotations, networkFile }: KubeLeaseStoreOptions) {
    this.#api = api;
    this.#askNodeName = nodeName;
    this.#names = annotations;
    this.#networkFile = networkFile;
    this.#own = new KubeOwnNode(annotations);
  }

  async config(): Promise<string> {
    try {
      return await readFile(this.#networkFile, 'utf8');
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      const why = code === 'ENOENT' ? 'no such file' : code;
      const remedy = 'mount the ConfigMap kube-flannel-cfg there, or give -net-config-path';
      const what = 'failed to read net conf';
      throw new Fault('network.unreadable', { what, where: this.#networkFile, why, remedy, cause: error });
    }
  }

  /** The addresses in the node's annotations `node-public-ip` and `node-public-ipv6`, which win over the flags. */
  async publicIps(): Promise<{ readonly ipv4?: number; readonly ipv6?: bigint }> {
    const node = await this.#api.getNode(await this.#name());
    return nodePublicIps(node.annotations, this.#names);
  }

  async list(): Promise<AssignedSnapshot> {
    const name = await this.#name();
    const listing = await this.#read(name);
    const revision = ++this.#revision;
    this.#listed = { ...listing, revision };
    return { ...this.#snapshot(listing, revision), own: this.#assigned(name, listing.own, revision) };
  }

  /** A node's annotations have no time to live. */
  prepareGrant(): void {}

  /** Publishes for the subnet that Kubernetes gave this node; there is no other to be had. */
  async create(subnet: SubnetKey, attributes: LeaseAttributes): Promise<Lease> {
    const node = await this.#api.getNode(await this.#name());
    if (hasSubnet(node, subnet)) return this.#publish(node, subnet, attributes);
    const now = node.podCidrs.length === 0 ? 'no podCIDR any more' : `the podCIDR ${node.podCidrs.join(', ')} now`;
    throw new Fault('lease.lost', {
      what: `the node ${JSON.stringify(node.name)} has ${now}; its Pods run in ${formatSubnetKey(subnet)}`,
      why: 'most likely the node was deleted and registered anew',
      remedy: 'drain the node and restart the agent: it takes the new podCIDR',
    });
  }

  async renew(own: Lease, attributes: LeaseAttributes): Promise<Lease | 'lost'> {
    const node = await this.#api.getNode(await this.#name());
    return hasSubnet(node, own.subnet) ? this.#publish(node, own.subnet, attributes) : 'lost';
  }

  /** Takes no part any more; the podCIDR stays the node's. */
  async release(): Promise<'released'> {
    await this.#api.patchNodeStatus(await this.#name(), { metadata: { annotations: { [this.#names.managed]: null } } });
    return 'released';
  }

  /** Tells Kubernetes that Pods can be scheduled here: `-set-node-network-unavailable`. For when the host is ready. */
  async markNetworkAvailable(): Promise<void> {
    const condition = networkAvailableCondition(new Date());
    await this.#api.patchNodeStatus(await this.#name(), { status: { conditions: [condition] } });
    this.#isUp = true;
  }

  watch(revision: number, listener: (event: LeaseEvent) => void): () => void {
    const listed = this.#listed?.revision === revision ? this.#listed : undefined;
    this.#listed = undefined;
    let table = listed?.table ?? new KubePeerTable();
    let open = true;
    const tell = (event: LeaseEvent): void => {
      if (open) listener(event);
    };
    const handle = this.#api.watchNodes(listed?.resourceVersion, {
      events: (events) => {
        const next = this.#revision + 1;
        const changes = events.flatMap((event) => this.#changesOf(event, table, next));
        if (changes.length === 0) return;
        this.#revision = next;
        tell({ type: 'changes', revision: next, changes });
      },
      lost: async () => {
        const listing = await this.#read(await this.#name());
        table = listing.table;
        const next = ++this.#revision;
        const ownChange = this.#own.see(listing.own, next, true);
        const snapshot = this.#snapshot(listing, next);
        // What somebody else made of our own record is told; a record that is gone is told by its absence.
        const foreign = ownChange?.type === 'put' && this.#own.lease === undefined ? [ownChange.lease] : [];
        tell({ type: 'snapshot', ...snapshot, leases: [...snapshot.leases, ...foreign] });
        return listing.resourceVersion;
      },
      interrupted: (fault) => tell({ type: 'interrupted', fault }),
      resumed: () => tell({ type: 'resumed' }),
    });
    return () => {
      open = false;
      handle.close();
    };
  }

  close(): void {
    this.#api.close();
  }

  async #name(): Promise<string> {
    this.#nodeName ??= await this.#askNodeName();
    return this.#nodeName;
  }

  async #read(ownName: string): Promise<Listing> {
    let table = new KubePeerTable();
    let own: KubeNode | undefined;
    const resourceVersion = await this.#api.listNodes(
      (node) => {
        if (node.name === ownName) own = node;
        else table.put(peerOfNode(node, this.#names), 0);
      },
      () => {
        table = new KubePeerTable();
        own = undefined;
      },
    );
    return { table, own, resourceVersion };
  }

  #snapshot({ table }: Listing, revision: number): Omit<AssignedSnapshot, 'own'> {
    const { lease: own } = this.#own;
    const leases = table.leases(revision).filter(({ subnet }) => !this.#own.isHeld(subnet));
    return { revision, leases: own === undefined ? leases : [...leases, own], rejected: table.rejected() };
  }

  /** What the listing says of our own node: the subnet with what is published for it, or why there is none. */
  #assigned(name: string, node: KubeNode | undefined, revision: number): AssignedSnapshot['own'] {
    if (node === undefined) {
      const remedy = 'check NODE_NAME: it must be one that kubectl get nodes shows';
      const fault = new Fault('kube.not-found', { what: `there is no node ${JSON.stringify(name)}`, remedy });
      return { node: name, lease: fault };
    }
    const assigned = subnetOfPodCidrs(node.podCidrs);
    if ('reason' in assigned) {
      return {
        node: name,
        lease: new Fault('kube.pod-cidr', { what: `node ${JSON.stringify(name)} ${assigned.reason}` }),
      };
    }
    const record = readAnnotations(node.annotations, this.#names);
    const attributes = record.type === 'lease' ? record.attributes : NOTHING_PUBLISHED;
    const { subnet } = assigned;
    return { node: name, lease: { subnet, attributes, reservation: true, created: ageOf(node), modified: revision } };
  }

  /** Writes what differs, in one patch, and only if the node is still the one that was looked at. */
  async #publish(node: KubeNode, subnet: SubnetKey, attributes: LeaseAttributes): Promise<Lease> {
    const annotations = annotationPatch(node.annotations, this.#names, attributes);
    const isRight = Object.keys(annotations).length === 0;
    // A node that was registered anew has lost the condition too.
    const isUp = !this.#isUp || node.networkUnavailable === 'False';
    const written =
      isRight && isUp
        ? node
        : await this.#api.patchNodeStatus(node.name, {
            ...(isRight ? {} : { metadata: { ...(node.uid === '' ? {} : { uid: node.uid }), annotations } }),
            ...(isUp ? {} : { status: { conditions: [networkAvailableCondition(new Date())] } }),
          });
    const modified = ++this.#revision;
    const lease = { subnet, attributes, reservation: true, created: ageOf(node), modified };
    this.#own.hold(lease, written);
    return lease;
  }

  #changesOf(event: NodeEvent, table: KubePeerTable, revision: number): readonly LeaseChange[] {
    const name = event.type === 'put' ? event.node.name : event.name;
    if (name === this.#nodeName) {
      const change = this.#own.see(event.type === 'put' ? event.node : undefined, revision, false);
      return change === undefined ? [] : [change];
    }
    const changes =
      event.type === 'put'
        ? table.put(peerOfNode(event.node, this.#names), revision)
        : table.remove(event.name, revision);
    return changes.flatMap((change) => this.#besideOwn(change, name));
  }

  /** Another node with our own podCIDR says nothing about our lease. */
  #besideOwn(change: LeaseChange, node: string): readonly LeaseChange[] {
    const subnet = change.type === 'put' ? change.lease.subnet : change.type === 'gone' ? change.subnet : undefined;
    if (subnet === undefined || !this.#own.isHeld(subnet)) return [change];
    if (change.type === 'gone') return [];
    return [
      { type: 'rejected', record: { key: `node ${node}`, reason: 'its podCIDR is the one of this host', subnet } },
    ];
  }
}
