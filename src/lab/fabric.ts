/** What etcd knows of a lab, and the one thing that the lab writes to it: the network document. */
import { type Etcd, prefixEnd } from '#etcd/api.ts';
import { connectEtcd } from '#etcd/client.ts';
import { formatCidr } from '#model/ip.ts';
import { formatIpv4 } from '#model/ipv4.ts';
import type { Json } from '#model/lease.ts';
import { decodeLeaseRecord } from '#model/lease-record.ts';
import { parseMac } from '#model/mac.ts';
import { parseSubnetKey } from '#model/subnet-key.ts';
import { Fault } from '#runtime/fault.ts';
import { localEndpoint, localEtcdOptions, membersOf } from './etcd-access.ts';
import type { LabPlan } from './plan.ts';

export interface FabricLease {
  /** `172.30.71.0/24`. */
  readonly subnet: string;
  /** Address of the host that has it. */
  readonly publicIp: string;
  /** MAC of its VXLAN device, when the record has one. */
  readonly deviceMac?: string;
}

export type MemberState = 'leader' | 'follower' | 'down';

export interface FabricReport {
  readonly leases: readonly FabricLease[];
  /** By name of the host. */
  readonly members: ReadonlyMap<string, MemberState>;
}

/** Writes the network document unless there is one already: a lab's etcd is new, so there is none. */
export async function writeNetworkDocument(plan: LabPlan): Promise<void> {
  await withEtcd(plan, async (etcd) => {
    const key = `${plan.prefix}/config`;
    const txn = await etcd.txn({
      compare: [{ target: 'version', key, equals: 0 }],
      success: [{ type: 'put', key, value: plan.document }],
    });
    if (!txn.succeeded)
      throw new Fault('network.exists', { what: 'a new etcd has a network document already', where: key });
  });
}

/** Leases and members now. */
export async function readFabric(plan: LabPlan): Promise<FabricReport> {
  return withEtcd(plan, async (etcd) => {
    const prefix = `${plan.prefix}/subnets/`;
    const [members, listing] = await Promise.all([
      memberStates(plan, etcd),
      etcd.range({ key: prefix, rangeEnd: prefixEnd(prefix) }),
    ]);
    return { members, leases: listing.kvs.flatMap((kv) => leaseOf(kv.key.slice(prefix.length), kv.value)) };
  });
}

async function withEtcd<Result>(plan: LabPlan, work: (etcd: Etcd) => Promise<Result>): Promise<Result> {
  const etcd = connectEtcd(localEtcdOptions(plan));
  try {
    return await work(etcd);
  } finally {
    etcd.close();
  }
}

async function memberStates(plan: LabPlan, etcd: Etcd): Promise<FabricReport['members']> {
  const states = new Map<string, MemberState>();
  for (const status of await etcd.status()) {
    const host = membersOf(plan).find((member) => localEndpoint(plan, member) === status.endpoint);
    const state = 'fault' in status ? 'down' : status.memberId === status.leaderId ? 'leader' : 'follower';
    if (host !== undefined) states.set(host.name, state);
  }
  return states;
}

/** A record that cannot be read is left out here; `weft lease list` is the place that says why. */
function leaseOf(name: string, value: string): readonly FabricLease[] {
  const subnet = parseSubnetKey(name);
  const record = decodeLeaseRecord(value);
  if (subnet === undefined || !('attributes' in record)) return [];
  const deviceMac = macIn(record.attributes.backendData);
  const publicIp = formatIpv4(record.attributes.publicIp);
  return [{ subnet: formatCidr(subnet.ipv4 ?? subnet.ipv6), publicIp, ...(deviceMac !== undefined && { deviceMac }) }];
}

function macIn(data: Json | undefined): string | undefined {
  if (typeof data !== 'object' || data === null || !('VtepMAC' in data)) return undefined;
  return typeof data.VtepMAC === 'string' ? parseMac(data.VtepMAC) : undefined;
}
