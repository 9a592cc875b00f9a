/** A few hosts with their agents, all ready; given back whole. */
import { etcdKeys } from '#agent/leases/etcd-keys.ts';
import { prefixEnd } from '#etcd/api.ts';
import { parseIpv4 } from '#model/ipv4.ts';
import { decodeLeaseRecord } from '#model/lease-record.ts';
import { type AgentProcess, startAgent } from './agent-process.ts';
import type { Bench } from './figure.ts';
import { type BenchHost, makeHosts, removeHosts } from './hosts.ts';
import { dropNetwork, type Store } from './store.ts';

export interface Fleet {
  readonly prefix: string;
  readonly hosts: readonly BenchHost[];
  readonly agents: readonly AgentProcess[];
}

/** Runs `use` with that many hosts under a network of its own, each with a ready agent; removes everything afterwards. */
export async function withFleet<Result>(
  bench: Bench,
  size: number,
  config: object,
  use: (fleet: Fleet) => Promise<Result>,
): Promise<Result> {
  return withHosts(bench, size, config, async (prefix, hosts) => {
    const agents = hosts.map((host) => startAgent({ ...bench, prefix, host }));
    try {
      await Promise.all(agents.map(({ ready }) => ready));
      return await use({ prefix, hosts, agents });
    } finally {
      await Promise.all(agents.map((agent) => agent.stop()));
    }
  });
}

/** The same without agents. */
export async function withHosts<Result>(
  { store }: Bench,
  size: number,
  config: object,
  use: (prefix: string, hosts: readonly BenchHost[]) => Promise<Result>,
): Promise<Result> {
  const prefix = await store.newNetwork(config);
  const hosts = await makeHosts(size);
  try {
    return await use(prefix, hosts);
  } finally {
    await removeHosts(hosts);
    await dropNetwork(store, prefix);
  }
}

export interface OwnedLease {
  readonly key: string;
  readonly host: BenchHost;
}

/** The leases of these hosts, found by address. */
export async function leasesOf({ etcd }: Store, prefix: string, hosts: readonly BenchHost[]): Promise<OwnedLease[]> {
  const key = `${etcdKeys(prefix).subnets}/`;
  const { kvs } = await etcd.range({ key, rangeEnd: prefixEnd(key) });
  return kvs.flatMap((kv) => {
    const record = decodeLeaseRecord(kv.value);
    if ('reason' in record) return [];
    const host = hosts.find(({ address }) => parseIpv4(address) === record.attributes.publicIp);
    return host === undefined ? [] : [{ key: kv.key, host }];
  });
}
