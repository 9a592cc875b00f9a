/** What the tests of the Kubernetes store share: stores on the test's own API server, and what they are told. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { AcquireRequest } from '#agent/leases/acquire.ts';
import { takeAssigned } from '#agent/leases/kube-acquire.ts';
import { type OpenKubeStoreOptions, openKubeStore } from '#agent/leases/kube-open.ts';
import type { KubeLeaseStore } from '#agent/leases/kube-store.ts';
import { attributesOf, networkOf } from '#agent/leases/lease-builders.ts';
import type { LeaseEvent, LeaseSnapshot } from '#agent/leases/store.ts';
import { formatIpv4 } from '#model/ipv4.ts';
import type { Lease, LeaseAttributes } from '#model/lease.ts';
import { formatSubnetKey } from '#model/subnet-key.ts';
import { Fault } from '#runtime/fault.ts';
import { flannelAnnotations, nodeObject } from './kube-objects.ts';
import type { KubeServer } from './kube-server.ts';

export const OWN = attributesOf('10.77.0.11', '8a:1b:af:8c:b2:78');
export const NET_CONF = '{"Network":"10.244.0.0/16","EnableNFTables":false,"Backend":{"Type":"vxlan"}}';
export const NETWORK = networkOf(NET_CONF);

export function temporaryDirectory(context: { after(run: () => void): void }): string {
  const directory = mkdtempSync('/dev/shm/weft-kube-test-');
  context.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** The store of the host `host1`, closed at the end of the test. */
export async function openStore(
  t: TestContext,
  url: string,
  options: Partial<OpenKubeStoreOptions> = {},
): Promise<KubeLeaseStore> {
  const directory = temporaryDirectory(t);
  const networkFile = join(directory, 'net-conf.json');
  writeFileSync(networkFile, NET_CONF);
  const { store } = await openKubeStore({
    apiUrl: url,
    kubeconfigFile: '',
    annotationPrefix: 'flannel.alpha.coreos.com',
    environment: { NODE_NAME: 'host1' },
    networkFile,
    timeoutMs: 2_000,
    ...options,
  });
  t.after(() => store.close());
  return store;
}

/** `host1` without annotations and so many peers `host2`, … that flannel serves. */
export function populate(server: KubeServer, peers = 1): void {
  server.put(nodeObject('host1', { podCidrs: ['10.244.1.0/24'] }));
  for (let number = 2; number < peers + 2; number += 1) putPeer(server, number);
}

export function putPeer(server: KubeServer, number: number, podCidr = `10.244.${number}.0/24`): void {
  const mac = `96:59:b2:3f:04:${number.toString(16).padStart(2, '0')}`;
  const annotations = flannelAnnotations(`10.77.0.${10 + number}`, mac);
  server.put(nodeObject(`host${number}`, { podCidrs: [podCidr], annotations, age: number }));
}

/** Comes to the lease as the agent does. */
export async function acquire(
  store: KubeLeaseStore,
  attributes: LeaseAttributes = OWN,
  network: AcquireRequest['network'] = NETWORK,
): Promise<{ readonly lease: Lease; readonly snapshot: LeaseSnapshot }> {
  const result = await takeAssigned({ store, network, attributes, ttlSeconds: 86_400 }, await store.list(), 1);
  if (result === 'lost') throw new Error('the subnet was exchanged');
  return result;
}

/** Keeps what a watch tells, as short texts: `put 10.244.2.0-24 10.77.0.12`, `gone 10.244.2.0-24`. */
export class Told {
  readonly texts: string[] = [];
  readonly events: LeaseEvent[] = [];

  static watch(t: TestContext, store: KubeLeaseStore, revision: number): Told {
    const told = new Told();
    t.after(store.watch(revision, (event) => told.#hear(event)));
    return told;
  }

  count(text: string): number {
    return this.texts.filter((each) => each.startsWith(text)).length;
  }

  #hear(event: LeaseEvent): void {
    this.events.push(event);
    if (event.type === 'interrupted') this.texts.push(`interrupted ${event.fault.code}`);
    else if (event.type === 'resumed') this.texts.push('resumed');
    else if (event.type === 'snapshot') this.texts.push(`snapshot ${event.leases.map(leaseText).join(' | ')}`);
    else {
      for (const change of event.changes) {
        if (change.type === 'put') this.texts.push(`put ${leaseText(change.lease)}`);
        else if (change.type === 'gone') this.texts.push(`gone ${formatSubnetKey(change.subnet)}`);
        else this.texts.push(`rejected ${change.record.key}: ${change.record.reason}`);
      }
    }
  }
}

export function leaseText({ subnet, attributes }: Lease): string {
  return `${formatSubnetKey(subnet)} ${formatIpv4(attributes.publicIp)}`;
}

/** Waits until the condition holds; fails after `limitMs`. */
export async function until(what: string, holds: () => boolean, limitMs = 5_000): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`not within ${limitMs} ms: ${what}`);
    await pause(5);
  }
}

/** The Fault that the work ends with. */
export async function faultOf(work: Promise<unknown>): Promise<Fault> {
  try {
    await work;
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  throw new Error('it did not fail');
}
