/**
 * What etcd knows of a lab, and the one thing that is written to it: the network document. This is the part that runs
 * inside the lab's network (`weft lab inside`), since etcd cannot be reached from anywhere else.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { type Etcd, type EtcdOptions, prefixEnd } from '#etcd/api.ts';
import { connectEtcd } from '#etcd/client.ts';
import { formatIpv4Cidr } from '#model/cidr.ts';
import { formatIpv4 } from '#model/ipv4.ts';
import type { Json } from '#model/lease.ts';
import { decodeLeaseRecord } from '#model/lease-record.ts';
import { parseMac } from '#model/mac.ts';
import { parseSubnetKey } from '#model/subnet-key.ts';
import { Fault } from '#runtime/fault.ts';

export interface FabricRequest {
  readonly etcd: EtcdOptions;
  readonly prefix: string;
  /** Written to `<prefix>/config` if nothing is there. */
  readonly document?: string;
  /** How long to wait for an etcd that does not answer yet. */
  readonly patienceMs: number;
}

export interface FabricLease {
  /** `172.30.71.0/24`. */
  readonly subnet: string;
  /** Address of the host that has it. */
  readonly publicIp: string;
  /** MAC of its VXLAN device, when the record has one. */
  readonly deviceMac?: string;
}

export interface FabricReport {
  /** The network document as stored. */
  readonly document: string | undefined;
  readonly leases: readonly FabricLease[];
  readonly members: readonly { readonly endpoint: string; readonly state: 'leader' | 'follower' | 'down' }[];
}

const RETRY_MS = 50;

/** Waits for etcd as long as asked, writes the document if there is one to write, and reads the rest. */
export async function readFabric(request: FabricRequest): Promise<FabricReport> {
  const etcd = connectEtcd(request.etcd);
  try {
    const configKey = `${request.prefix}/config`;
    if (request.document !== undefined) {
      const create = {
        compare: [{ target: 'version', key: configKey, equals: 0 }],
        success: [{ type: 'put', key: configKey, value: request.document }],
      } as const;
      await patiently(request.patienceMs, () => etcd.txn(create));
    }
    const range = { key: `${request.prefix}/`, rangeEnd: prefixEnd(`${request.prefix}/`) };
    const listing = await patiently(request.patienceMs, () => etcd.range(range));
    return {
      document: listing.kvs.find((kv) => kv.key === configKey)?.value,
      leases: listing.kvs.flatMap((kv) => leaseOf(kv.key.slice(`${request.prefix}/subnets/`.length), kv.value)),
      members: await memberStates(etcd),
    };
  } finally {
    etcd.close();
  }
}

async function memberStates(etcd: Etcd): Promise<FabricReport['members']> {
  const statuses = await etcd.status();
  return statuses.map((status) => {
    if ('fault' in status) return { endpoint: status.endpoint, state: 'down' };
    return { endpoint: status.endpoint, state: status.memberId === status.leaderId ? 'leader' : 'follower' };
  });
}

/** A record that cannot be read is left out here; `weft lease list` is the place that says why. */
function leaseOf(name: string, value: string): readonly FabricLease[] {
  const subnet = parseSubnetKey(name);
  const record = decodeLeaseRecord(value);
  if (subnet === undefined || !('attributes' in record)) return [];
  const deviceMac = macIn(record.attributes.backendData);
  const publicIp = formatIpv4(record.attributes.publicIp);
  return [{ subnet: formatIpv4Cidr(subnet.ipv4), publicIp, ...(deviceMac !== undefined && { deviceMac }) }];
}

function macIn(data: Json | undefined): string | undefined {
  if (typeof data !== 'object' || data === null || !('VtepMAC' in data)) return undefined;
  return typeof data.VtepMAC === 'string' ? parseMac(data.VtepMAC) : undefined;
}

/** Again while etcd cannot be reached (exit code 3 of its fault) and there is time; anything else is thrown at once. */
async function patiently<Result>(patienceMs: number, ask: () => Promise<Result>): Promise<Result> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof Fault) || error.exitCode !== 3 || performance.now() >= deadline) throw error;
    }
    await pause(RETRY_MS);
  }
}
