/** The etcd of a bench: three members with mutual TLS, data in memory, one client, and a fresh prefix for each fleet. */
import { join } from 'node:path';
import { etcdKeys } from '#agent/leases/etcd-keys.ts';
import { type Etcd, prefixEnd } from '#etcd/api.ts';
import { connectEtcd } from '#etcd/client.ts';
import { startEtcdCluster } from '#lab/etcd-cluster.ts';
import { makeHosts } from './hosts.ts';
import { leasePair, type Peer } from './peers.ts';
import { SANDBOX_DIRECTORY } from './sandbox.ts';

export interface Store {
  readonly etcd: Etcd;
  /** Flags of the agent that lead to it. */
  readonly flags: readonly string[];
  /** Lease of a day for keys of peers that do not exist. */
  readonly lease: bigint;
  /** Another client, at a member of its own choice; to be closed. */
  connect(): Etcd;
  /** A prefix that was not used before, with that network configuration under it. */
  newNetwork(config: object): Promise<string>;
}

const MEMBERS = 3;
/** etcd refuses transactions of more than 128 operations. */
const PUTS_PER_TRANSACTION = 100;
const DAY_SECONDS = 86_400;

export async function startStore(): Promise<Store> {
  // Each on a host of its own: etcd members check that a peer's certificate names the address that it calls from.
  const hosts = await makeHosts(MEMBERS);
  const members = hosts.map(({ namespace, address }) => ({ name: namespace, namespace, address }));
  const { endpoints, tls } = await startEtcdCluster({ directory: join(SANDBOX_DIRECTORY, 'etcd'), members });
  if (tls === undefined) throw new Error('the cluster has certificates unless told otherwise');
  const connect = (): Etcd => connectEtcd({ endpoints, ...tls, timeoutMs: 20_000 });
  const etcd = connect();
  const { id: lease } = await etcd.leaseGrant(DAY_SECONDS);
  let networks = 0;
  return {
    etcd,
    connect,
    lease,
    flags: [
      `-etcd-endpoints=${endpoints.join(',')}`,
      `-etcd-cafile=${tls.caFile}`,
      `-etcd-certfile=${tls.certFile}`,
      `-etcd-keyfile=${tls.keyFile}`,
    ],
    async newNetwork(config) {
      networks += 1;
      const prefix = `/bench/${networks}`;
      await etcd.put({ key: etcdKeys(prefix).config, value: JSON.stringify(config) });
      return prefix;
    },
  };
}

/** Writes the peers' leases, a hundred at once. */
export async function putPeers({ etcd, lease }: Store, prefix: string, peers: readonly Peer[]): Promise<void> {
  for (let at = 0; at < peers.length; at += PUTS_PER_TRANSACTION) {
    const some = peers.slice(at, at + PUTS_PER_TRANSACTION);
    await etcd.txn({
      compare: [],
      success: some.map((peer) => ({ type: 'put' as const, ...leasePair(prefix, peer), lease })),
    });
  }
}

/** Removes everything under the prefix and the history of it, so that no figure works on the remains of another. */
export async function dropNetwork({ etcd }: Store, prefix: string): Promise<void> {
  const key = `${prefix}/`;
  const { revision } = await etcd.delete({ key, rangeEnd: prefixEnd(key) });
  await etcd.compact(revision);
}
