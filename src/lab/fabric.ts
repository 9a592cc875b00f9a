/** What etcd knows of a lab, and the one thing that the lab writes to it: the network document. */
import { type Etcd, prefixEnd } from '#etcd/api.ts';
import { connectEtcd } from '#etcd/client.ts';
import type { EtcdV2 } from '#etcd/v2-api.ts';
import { connectEtcdV2 } from '#etcd/v2-client.ts';
import { formatCidr } from '#model/ip.ts';
import { formatIpv4 } from '#model/ipv4.ts';
import { formatIpv6 } from '#model/ipv6.ts';
import type { Json } from '#model/lease.ts';
import { decodeLeaseRecord } from '#model/lease-record.ts';
import { parseMac } from '#model/mac.ts';
import { parseSubnetKey } from '#model/subnet-key.ts';
import { Fault } from '#runtime/fault.ts';
import { localEndpoint, localEtcdOptions, membersOf } from './etcd-access.ts';
import type { LabPlan } from './plan.ts';

export interface FabricLease {
  /** `172.30.71.0/24`; at least one of the two. */
  readonly subnet?: string;
  readonly subnetIpv6?: string;
  /** Addresses of the host that has it. */
  readonly publicIp: string;
  readonly publicIpv6?: string;
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
  const key = `${plan.prefix}/config`;
  if (plan.etcdApi === 'v2') {
    const node = await withEtcdV2(plan, (etcd) => etcd.create(key, plan.document));
    if (node === 'exists') throw networkExists(key);
    return;
  }
  await withEtcd(plan, async (etcd) => {
    const txn = await etcd.txn({
      compare: [{ target: 'version', key, equals: 0 }],
      success: [{ type: 'put', key, value: plan.document }],
    });
    if (!txn.succeeded) throw networkExists(key);
  });
}

function networkExists(key: string): Fault {
  return new Fault('network.exists', { what: 'a new etcd has a network document already', where: key });
}

/** Leases and members now. */
export async function readFabric(plan: LabPlan): Promise<FabricReport> {
  const prefix = `${plan.prefix}/subnets/`;
  const [members, records] = await Promise.all([
    withEtcd(plan, (etcd) => memberStates(plan, etcd)),
    readRecords(plan, prefix),
  ]);
  return { members, leases: records.flatMap(({ key, value }) => leaseOf(key.slice(prefix.length), value)) };
}

interface KeyAndValue {
  readonly key: string;
  readonly value: string;
}

async function readRecords(plan: LabPlan, prefix: string): Promise<readonly KeyAndValue[]> {
  if (plan.etcdApi === 'v2') return (await withEtcdV2(plan, (etcd) => etcd.list(prefix.slice(0, -1)))).nodes;
  return (await withEtcd(plan, (etcd) => etcd.range({ key: prefix, rangeEnd: prefixEnd(prefix) }))).kvs;
}

async function withEtcd<Result>(plan: LabPlan, work: (etcd: Etcd) => Promise<Result>): Promise<Result> {
  const etcd = connectEtcd(localEtcdOptions(plan));
  try {
    return await work(etcd);
  } finally {
    etcd.close();
  }
}

async function withEtcdV2<Result>(plan: LabPlan, work: (etcd: EtcdV2) => Promise<Result>): Promise<Result> {
  const etcd = connectEtcdV2(localEtcdOptions(plan));
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
  const { publicIp, publicIpv6, backendData, backendV6Data } = record.attributes;
  const deviceMac = macIn(backendData) ?? macIn(backendV6Data);
  return [
    {
      ...(subnet.ipv4 !== undefined && { subnet: formatCidr(subnet.ipv4) }),
      ...(subnet.ipv6 !== undefined && { subnetIpv6: formatCidr(subnet.ipv6) }),
      publicIp: formatIpv4(publicIp),
      ...(publicIpv6 !== null && { publicIpv6: formatIpv6(publicIpv6) }),
      ...(deviceMac !== undefined && { deviceMac }),
    },
  ];
}

function macIn(data: Json | undefined): string | undefined {
  if (typeof data !== 'object' || data === null || !('VtepMAC' in data)) return undefined;
  return typeof data.VtepMAC === 'string' ? parseMac(data.VtepMAC) : undefined;
}
