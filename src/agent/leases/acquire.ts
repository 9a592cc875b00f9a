/**
 * How a host comes to its lease (spec §2.5, without D-04, D-05, D-08, D-09, D-24, D-27, D-30).
 *
 * Own lease by PublicIP → renewed if it fits the network, else released; then the previous subnet if it is free; then
 * a free subnet at random. A lost race is repeated with a fresh listing until it succeeds or that listing shows no free
 * subnet. Another host's lease is never taken over. Faults of the store pass through: the caller repeats the whole.
 */
import { formatIpv4Cidr, ipv4CidrsOverlap } from '#model/cidr.ts';
import { formatIpv4, type Ipv4 } from '#model/ipv4.ts';
import { ipv6CidrsOverlap } from '#model/ipv6.ts';
import type { Lease, LeaseAttributes } from '#model/lease.ts';
import type { NetworkConfig } from '#model/network-config.ts';
import { formatSubnetKey, parseSubnetKey, type SubnetKey } from '#model/subnet-key.ts';
import { subnetMisfit } from '#model/subnet-misfit.ts';
import { Fault } from '#runtime/fault.ts';
import { allocateSubnet, freeIpv4Subnets } from './allocate.ts';
import type { LeaseSnapshot, LeaseStore } from './store.ts';

export interface AcquireRequest {
  readonly store: LeaseStore;
  readonly network: NetworkConfig;
  /** What to publish; our own leases are known by its publicIp. */
  readonly attributes: LeaseAttributes;
  /** From the subnet file: taken again if it is free and fits. */
  readonly previous?: SubnetKey;
  /** Addresses that the subnet must not contain: our own interfaces'. */
  readonly hostAddresses?: readonly Ipv4[];
  readonly ttlSeconds: number;
  /** A listing that the caller has already; trusted for everything but "full". */
  readonly snapshot?: LeaseSnapshot;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly sleep: (ms: number) => Promise<void>;
}

export interface AcquiredLease {
  readonly lease: Lease;
  readonly how: 'renewed' | 'reclaimed' | 'allocated';
  /** Listings that were decided upon; 1 when no race was lost. */
  readonly attempts: number;
  /** Other leases with our PublicIP that were left alone: a cloned host's, or an operator's reservation that does not fit. */
  readonly duplicates: readonly Lease[];
  /** Own leases that no longer fit the network and were given up. */
  readonly released: readonly Lease[];
  /** The last listing with our lease put in. Its revision is the listing's: a watch goes on after it. */
  readonly snapshot: LeaseSnapshot;
}

/** Obtains the lease; throws the Fault `lease.network-full` when nothing is free, and the store's Faults. */
export async function acquireLease(request: AcquireRequest): Promise<AcquiredLease> {
  if (request.network.ipv4 === undefined) {
    throw new Fault('network.invalid', {
      what: 'the network has no IPv4, and a lease in etcd is named by its IPv4 subnet',
      remedy: 'set EnableIPv4 to true and give a Network',
    });
  }
  const released: Lease[] = [];
  let given = request.snapshot;
  for (let attempts = 1; ; attempts++) {
    const fresh = given === undefined;
    const snapshot = given ?? (await request.store.list());
    given = undefined;
    const outcome = await attempt(request, snapshot, released);
    if (outcome === 'full' && fresh) throw networkFull(request, snapshot);
    if (typeof outcome === 'object') {
      const { lease, how } = outcome;
      const others = snapshot.leases.filter((other) => !released.includes(other) && !sameSubnet(other, lease));
      const duplicates = others.filter((other) => other.attributes.publicIp === request.attributes.publicIp);
      return { lease, how, attempts, duplicates, released, snapshot: { ...snapshot, leases: [...others, lease] } };
    }
    if (outcome === 'lost') await request.sleep(pauseMs(attempts, request.random));
  }
}

const LONGEST_PAUSE_MS = 1000;

/** Jitter whose bound doubles with every race lost: 10 ms, 20 ms, … 1 s. */
function pauseMs(attempts: number, random: () => number): number {
  return random() * Math.min(5 * 2 ** attempts, LONGEST_PAUSE_MS);
}

type Outcome = { readonly lease: Lease; readonly how: AcquiredLease['how'] } | 'lost' | 'full';

async function attempt(request: AcquireRequest, snapshot: LeaseSnapshot, released: Lease[]): Promise<Outcome> {
  const { store, network, attributes, ttlSeconds } = request;
  const own = ownLeases(snapshot, attributes.publicIp);
  const fitting = own.find((lease) => subnetMisfit(lease.subnet, network) === undefined);
  if (fitting !== undefined) {
    const lease = await store.renew(fitting, attributes, ttlSeconds);
    return lease === 'lost' ? 'lost' : { lease, how: 'renewed' };
  }
  // A reservation is the operator's word: only an ordinary lease is ours to give up.
  for (const lease of own.filter((each) => !each.reservation)) {
    if ((await store.release(lease)) === 'lost') return 'lost';
    released.push(lease);
  }
  const occupied = occupiedSubnets(snapshot, released);
  const mended = await mendRecord(request, snapshot);
  if (mended !== undefined) return mended === 'lost' ? 'lost' : { lease: mended, how: 'reclaimed' };
  const previous = reclaimable(request, occupied);
  const avoid = [...snapshot.leases.map((lease) => lease.attributes.publicIp), ...(request.hostAddresses ?? [])];
  const subnet = previous ?? allocateSubnet({ network, occupied, avoid, random: request.random });
  if (subnet === undefined) return 'full';
  const lease = await store.create(subnet, attributes, ttlSeconds);
  if (lease === 'taken') return 'lost';
  if (subnet.ipv6 !== undefined && (await isContested(store, lease))) {
    await store.release(lease);
    return 'lost';
  }
  return { lease, how: previous === undefined ? 'allocated' : 'reclaimed' };
}

/** Our previous subnet's key with a value that nobody can read is nobody else's claim: it is written anew. */
async function mendRecord(request: AcquireRequest, snapshot: LeaseSnapshot): Promise<Lease | 'lost' | undefined> {
  const { previous, network, store, attributes, ttlSeconds } = request;
  if (previous === undefined || subnetMisfit(previous, network) !== undefined) return undefined;
  const key = formatSubnetKey(previous);
  const record = snapshot.rejected.find(({ subnet }) => subnet !== undefined && formatSubnetKey(subnet) === key);
  if (record?.created === undefined || record.modified === undefined) return undefined;
  if (snapshot.leases.some((lease) => subnetsOverlap(lease.subnet, previous))) return undefined;
  const { created, modified } = record;
  return store.renew({ subnet: previous, attributes, reservation: false, created, modified }, attributes, ttlSeconds);
}

/** The leases with that PublicIP, oldest claim first. */
export function ownLeases(snapshot: LeaseSnapshot, publicIp: Ipv4): readonly Lease[] {
  return snapshot.leases
    .filter((lease) => lease.attributes.publicIp === publicIp)
    .sort((a, b) => a.created - b.created);
}

/** Every subnet that a key stands for, also one whose value cannot be read: creating that key would fail for ever. */
function occupiedSubnets(snapshot: LeaseSnapshot, released: readonly Lease[]): readonly SubnetKey[] {
  const leased = snapshot.leases.filter((lease) => !released.includes(lease)).map((lease) => lease.subnet);
  const unusable = snapshot.rejected.flatMap((record) => record.subnet ?? parseSubnetKey(record.key) ?? []);
  return [...leased, ...unusable];
}

function reclaimable(request: AcquireRequest, occupied: readonly SubnetKey[]): SubnetKey | undefined {
  const { previous, network } = request;
  if (previous === undefined || subnetMisfit(previous, network) !== undefined) return undefined;
  return occupied.some((subnet) => subnetsOverlap(subnet, previous)) ? undefined : previous;
}

/**
 * Whether an older lease overlaps ours. The key of a dual-stack lease names both subnets, so create-if-absent alone lets
 * two hosts get the same IPv4 subnet with different IPv6 ones (D-08).
 */
async function isContested(store: LeaseStore, own: Lease): Promise<boolean> {
  const { leases } = await store.list();
  return leases.some((other) => other.created < own.created && subnetsOverlap(other.subnet, own.subnet));
}

function subnetsOverlap(a: SubnetKey, b: SubnetKey): boolean {
  if (ipv4CidrsOverlap(a.ipv4, b.ipv4)) return true;
  return a.ipv6 !== undefined && b.ipv6 !== undefined && ipv6CidrsOverlap(a.ipv6, b.ipv6);
}

function sameSubnet(a: Lease, b: Lease): boolean {
  return a === b || formatSubnetKey(a.subnet) === formatSubnetKey(b.subnet);
}

function networkFull(request: AcquireRequest, snapshot: LeaseSnapshot): Fault {
  const { ipv4 } = request.network;
  if (ipv4 === undefined) throw new Error('a network without IPv4 is refused before');
  const count = (occupied: readonly SubnetKey[]): number =>
    freeIpv4Subnets({ network: request.network, occupied, avoid: [] })?.free ?? 0;
  const total = count([]);
  const leased = total - count(snapshot.leases.map((lease) => lease.subnet));
  const kept = count(occupiedSubnets(snapshot, []));
  const unusable = total - leased - kept;
  const also =
    (unusable === 0 ? '' : `, ${unusable} blocked by records that cannot be read`) +
    (kept === 0 ? '' : `, ${kept} contain addresses of hosts`);
  return new Fault('lease.network-full', {
    what:
      `the network ${formatIpv4Cidr(ipv4.network)} with SubnetLen ${ipv4.subnetLength} has ${total} subnets ` +
      `(${formatIpv4(ipv4.subnetMin)} to ${formatIpv4(ipv4.subnetMax)}), and ${leased} of them are leased${also}`,
  });
}
