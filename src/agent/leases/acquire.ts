/**
 * How a host comes to its lease (spec §2.5, without D-04, D-05, D-08, D-09, D-24, D-27, D-30).
 *
 * Own lease by PublicIP → renewed if it fits the network, else released; then, family by family, the subnet of that lease
 * or the previous one if it is free; then a free subnet at random. A lost race is repeated with a fresh listing until it succeeds or that listing shows no free
 * subnet. Another host's lease is never taken over; when it is of the subnet that Pods of ours run in, no other subnet is taken
 * either, and the Fault names both claims. Faults of the store pass through: the caller repeats the whole.
 */
import { FAMILIES, type Family, formatCidr, formatIp, type Ip } from '#model/ip.ts';
import type { Lease, LeaseAttributes } from '#model/lease.ts';
import { sameLeaseAttributes } from '#model/lease-record.ts';
import type { NetworkConfig } from '#model/network-config.ts';
import { formatSubnetKey, parseSubnetKey, type SubnetKey, type SubnetParts } from '#model/subnet-key.ts';
import { familyMisfit, subnetMisfit } from '#model/subnet-misfit.ts';
import { Fault } from '#runtime/fault.ts';
import { allocateSubnet, freeIpv4Subnets, freeIpv6Subnets } from './allocate.ts';
import { contestedFault } from './contested-fault.ts';
import { takeAssigned } from './kube-acquire.ts';
import { isEarlierOwn, isFormerOwn, isSameHost, ownLeases } from './own-lease.ts';
import type { LeaseSnapshot, LeaseStore } from './store.ts';
import { isContested, partsOverlap, subnetsOverlap } from './subnets-overlap.ts';

export interface AcquireRequest {
  readonly store: LeaseStore;
  readonly network: NetworkConfig;
  /** What to publish; our own leases are known by its addresses. */
  readonly attributes: LeaseAttributes;
  /** Of an earlier run: taken again if it is free and fits. */
  readonly previous?: SubnetKey;
  /** Pods run in the previous subnet: when another host has it that is said, and no other subnet takes its place. */
  readonly held?: boolean;
  /** Our own record as we last knew it: it is ours also when our address has changed since. */
  readonly recorded?: Lease;
  /** Addresses that the subnet must not contain: our own interfaces'. */
  readonly hostAddresses?: readonly Ip[];
  readonly ttlSeconds: number;
  /** A listing that the caller has already; trusted for everything but "full". */
  readonly snapshot?: LeaseSnapshot;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** Whether another machine wrote a record that looks like ours; by default nobody can tell. */
  readonly isOthers?: (lease: Lease) => Promise<boolean>;
}

export interface AcquiredLease {
  readonly lease: Lease;
  /** `assigned`: by the store itself. */
  readonly how: 'renewed' | 'reclaimed' | 'allocated' | 'assigned';
  /** Listings that were decided upon; 1 when no race was lost. */
  readonly attempts: number;
  /** Other leases with our PublicIP that were left alone: a cloned host's, or an operator's reservation that does not fit. */
  readonly duplicates: readonly Lease[];
  /** Own leases that no longer fit the network and were given up. */
  readonly released: readonly Lease[];
  /** The last listing with our lease put in. Its revision is the listing's: a watch goes on after it. */
  readonly snapshot: LeaseSnapshot;
}

/**
 * Obtains the lease; throws the Fault `lease.network-full` when nothing is free, `lease.contested` when another host has the
 * subnet that is held, and the store's Faults.
 */
export async function acquireLease(request: AcquireRequest): Promise<AcquiredLease> {
  const released: Lease[] = [];
  const { isOthers } = request;
  const judged = new Map<string, boolean>();
  let given = request.snapshot;
  for (let attempts = 1; ; attempts++) {
    const fresh = given === undefined;
    const snapshot = given ?? (await request.store.list());
    given = undefined;
    if (snapshot.own !== undefined) {
      // Why there was none may be over by now.
      const isStale = !fresh && snapshot.own.lease instanceof Fault;
      const taken = isStale ? 'lost' : await takeAssigned(request, { ...snapshot, own: snapshot.own }, attempts);
      if (taken !== 'lost') return taken;
      continue;
    }
    const former = formerOwn(request, snapshot);
    // Nobody wrote it since we did.
    if (former !== undefined && former.modified === request.recorded?.modified) judged.set(nameOf(former), false);
    if (former !== undefined && isOthers !== undefined && !judged.has(nameOf(former))) {
      judged.set(nameOf(former), await isOthers(former));
      // The other machine may have been waited for: peers that came meanwhile are not in this listing.
      continue;
    }
    const ours = former !== undefined && judged.get(nameOf(former)) !== true ? former : undefined;
    const outcome = await attempt(request, snapshot, released, ours);
    if (outcome === 'full' && fresh) throw networkFull(request, snapshot);
    if (outcome instanceof Fault) {
      if (fresh) throw outcome;
    } else if (typeof outcome === 'object') {
      const { lease, how } = outcome;
      const others = snapshot.leases.filter((other) => !released.includes(other) && !sameSubnet(other, lease));
      const duplicates = others.filter((other) => isSameHost(other.attributes, request.attributes));
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

type Outcome = { readonly lease: Lease; readonly how: AcquiredLease['how'] } | Fault | 'lost' | 'full';

/** `former`: a lease of ours that names an address which we had before. */
async function attempt(
  request: AcquireRequest,
  snapshot: LeaseSnapshot,
  released: Lease[],
  former: Lease | undefined,
): Promise<Outcome> {
  const { store, network, attributes, ttlSeconds } = request;
  const own = ownLeases(snapshot.leases, attributes);
  const isFitting = (lease: Lease): boolean => subnetMisfit(lease.subnet, network) === undefined;
  const usable = own.filter(isFitting);
  const elsewhere = holdsFitting(request) ? usable.find(({ reservation }) => reservation) : usable[0];
  const fitting = usable.find((lease) => isHeld(lease, request)) ?? elsewhere ?? former;
  if (fitting !== undefined) {
    const lease = await store.renew(fitting, attributes, ttlSeconds);
    return lease === 'lost' ? 'lost' : { lease, how: 'renewed' };
  }
  const rival = rivalOf(request, snapshot);
  if (rival !== undefined) return rival;
  // A reservation is the operator's word: only an ordinary lease is ours to give up.
  for (const lease of own.filter((each) => !each.reservation)) {
    if ((await store.release(lease)) === 'lost') return 'lost';
    released.push(lease);
  }
  const occupied = occupiedSubnets(snapshot, released);
  const mended = await mendRecord(request, snapshot);
  if (mended !== undefined) return mended === 'lost' ? 'lost' : { lease: mended, how: 'reclaimed' };
  const given = released.map((lease) => lease.subnet);
  const earlier = request.held === true ? [request.previous, ...given] : [...given, request.previous];
  const keep = reclaimable(request, earlier, occupied);
  const avoid = [...snapshot.leases.flatMap(publicIpsOf), ...(request.hostAddresses ?? [])];
  const subnet = allocateSubnet({ network, occupied, avoid, random: request.random, keep });
  if (subnet === undefined) return 'full';
  const lease = await store.create(subnet, attributes, ttlSeconds);
  if (lease === 'taken') return 'lost';
  if (await isContested(store, lease)) {
    await store.release(lease);
    return 'lost';
  }
  return { lease, how: keep.ipv4 === undefined && keep.ipv6 === undefined ? 'allocated' : 'reclaimed' };
}

/** Of the subnet that Pods run in. */
function isHeld({ subnet }: Lease, { previous, held }: AcquireRequest): boolean {
  return held === true && previous !== undefined && formatSubnetKey(subnet) === formatSubnetKey(previous);
}

/**
 * Whether Pods run in a subnet of the network: then a lease of ours elsewhere, which a clone or an old backup left, is no reason to
 * move them, neither when the subnet is free nor when another host has it.
 */
function holdsFitting({ previous, held, network }: AcquireRequest): boolean {
  return previous !== undefined && held === true && subnetMisfit(previous, network) === undefined;
}

/** The record that we wrote ourselves, untouched or as a backup brought it back, whatever address we have now. */
function isRecorded(lease: Lease, { recorded }: AcquireRequest): boolean {
  return (
    recorded !== undefined &&
    sameSubnet(lease, recorded) &&
    lease.created === recorded.created &&
    (sameLeaseAttributes(lease.attributes, recorded.attributes) || isEarlierOwn(lease, recorded))
  );
}

/** The Fault that names both claims, when another host has the subnet that Pods of ours run in. */
function rivalOf(request: AcquireRequest, { leases }: LeaseSnapshot): Fault | undefined {
  const { previous, held, network, attributes, recorded } = request;
  if (previous === undefined || held !== true) return undefined;
  const isInUse = (family: Family): boolean => familyMisfit(family, previous, network) === undefined;
  const rival = leases.find(
    (lease) =>
      !isSameHost(lease.attributes, attributes) &&
      FAMILIES.some((family) => isInUse(family) && partsOverlap(lease.subnet, previous, family)),
  );
  return rival && contestedFault({ subnet: previous, attributes, recorded }, rival);
}

/**
 * A lease that we may have written when we had another address: the one that we know, else that of our previous subnet when it
 * has our MAC. Where our own address has a lease already nothing is looked for.
 */
function formerOwn(request: AcquireRequest, { leases }: LeaseSnapshot): Lease | undefined {
  const { previous, attributes, network } = request;
  const isFitting = (lease: Lease): boolean => subnetMisfit(lease.subnet, network) === undefined;
  if (ownLeases(leases, attributes).some(isFitting)) return undefined;
  const key = previous && formatSubnetKey(previous);
  const isFormer = (lease: Lease): boolean =>
    formatSubnetKey(lease.subnet) === key && isFormerOwn(lease.attributes, attributes);
  return (
    leases.find((lease) => isRecorded(lease, request) && isFitting(lease)) ??
    leases.find((lease) => isFormer(lease) && isFitting(lease))
  );
}

/** A record as it was written once. */
function nameOf({ subnet, modified }: Lease): string {
  return `${formatSubnetKey(subnet)} ${modified}`;
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

function publicIpsOf({ attributes: { publicIp, publicIpv6 } }: Lease): readonly Ip[] {
  return publicIpv6 === null ? [publicIp] : [publicIp, publicIpv6];
}

/** Every subnet that a key stands for, also one whose value cannot be read: creating that key would fail for ever. */
function occupiedSubnets(snapshot: LeaseSnapshot, released: readonly Lease[]): readonly SubnetKey[] {
  const leased = snapshot.leases.filter((lease) => !released.includes(lease)).map((lease) => lease.subnet);
  const unusable = snapshot.rejected.flatMap((record) => record.subnet ?? parseSubnetKey(record.key) ?? []);
  return [...leased, ...unusable];
}

/**
 * Of each family the first earlier subnet that the network still hands out and that nobody has: a fleet that gets a second
 * family keeps the subnets that its Pods run in.
 */
function reclaimable(
  { network }: AcquireRequest,
  earlier: readonly (SubnetKey | undefined)[],
  occupied: readonly SubnetKey[],
): SubnetParts {
  const isFree = (subnet: SubnetKey, family: Family): boolean =>
    subnet[family] !== undefined &&
    familyMisfit(family, subnet, network) === undefined &&
    !occupied.some((other) => partsOverlap(other, subnet, family));
  const first = (family: Family): SubnetKey | undefined =>
    earlier.find((subnet) => subnet !== undefined && isFree(subnet, family));
  return { ipv4: first('ipv4')?.ipv4, ipv6: first('ipv6')?.ipv6 };
}

function sameSubnet(a: Lease, b: Lease): boolean {
  return a === b || formatSubnetKey(a.subnet) === formatSubnetKey(b.subnet);
}

/** About the family that is full; when both have free subnets it was a race, and IPv4 is what is told. */
function networkFull(request: AcquireRequest, snapshot: LeaseSnapshot): Fault {
  const { network } = request;
  const countOf = { ipv4: freeIpv4Subnets, ipv6: freeIpv6Subnets };
  const occupied = occupiedSubnets(snapshot, []);
  const isFull = (family: Family): boolean => countOf[family]({ network, occupied, avoid: [] })?.free === 0;
  const family = FAMILIES.find(isFull) ?? (network.ipv4 === undefined ? 'ipv6' : 'ipv4');
  const range = network[family];
  if (range === undefined) throw new Error('a network has one family at least');
  const count = (taken: readonly SubnetKey[]): number =>
    countOf[family]({ network, occupied: taken, avoid: [] })?.free ?? 0;
  const total = count([]);
  const leased = total - count(snapshot.leases.map((lease) => lease.subnet));
  const kept = count(occupied);
  const unusable = total - leased - kept;
  const also =
    (unusable === 0 ? '' : `, ${unusable} blocked by records that cannot be read`) +
    (kept === 0 ? '' : `, ${kept} contain addresses of hosts`);
  return new Fault('lease.network-full', {
    what:
      `the network ${formatCidr(range.network)} with ${family === 'ipv4' ? '' : 'IPv6'}SubnetLen ${range.subnetLength} ` +
      `has ${total} subnets (${formatIp(range.subnetMin)} to ${formatIp(range.subnetMax)}), and ${leased} of them are leased${also}`,
  });
}
