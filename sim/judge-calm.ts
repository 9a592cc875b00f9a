/** What a calm must bring: every host converges within a stated time, and then the fleet is at rest. */
import { parseVxlanLeaseData } from '#agent/backends/vxlan/lease-data.ts';
import type { MemoryKernel } from '#agent/kernel/memory-kernel.ts';
import type { Ownership } from '#agent/kernel/ownership.ts';
import { formatIp } from '#model/ip.ts';
import type { Lease } from '#model/lease.ts';
import { formatSubnetKey } from '#model/subnet-key.ts';
import { overlap } from './judge.ts';
import { mendAll } from './perform.ts';
import { allLeases, keyOf } from './records.ts';
import { CONVERGE_AFTER_CLONES_MS, CONVERGE_MS, REST_MS } from './schedule.ts';
import { addressText, DEVICE, type SimHost } from './sim-host.ts';
import type { World } from './world.ts';

const LOOKS_S = [1, 2, 5, 10, 20, 30, 45, 60, 90, 120, 150, 180, 240, 300, 360, 420, 480];

export interface Calm {
  /** When the last host had converged, of the moments looked at. */
  readonly convergedAfterS: number;
  /** Hosts that live and have no subnet: there is none, or somebody else has theirs now. */
  readonly without: number;
}

/** Mends everything, waits, and judges; undefined after a violation. */
export async function calmDown(world: World): Promise<Calm | undefined> {
  const begin = world.elapsedMs;
  mendAll(world);
  const convergeMs = hadClones(world) ? CONVERGE_AFTER_CLONES_MS : CONVERGE_MS;
  const looks = LOOKS_S.filter((seconds) => seconds * 1000 <= convergeMs);
  let convergedAfterS: number | undefined;
  for (const seconds of looks) {
    await world.runUntil(begin + seconds * 1000);
    if (world.violation !== undefined) return undefined;
    const missing = missingIn(world);
    if (missing === undefined) convergedAfterS ??= seconds;
    else if (convergedAfterS !== undefined || seconds === looks.at(-1)) {
      const again = convergedAfterS === undefined ? '' : ` (it had converged after ${convergedAfterS} s)`;
      world.violate('converges', `${seconds} s after all was mended, ${missing}${again}`);
      return undefined;
    }
  }
  await world.runUntil(begin + convergeMs);
  await rest(world);
  if (world.violation !== undefined || convergedAfterS === undefined) return undefined;
  return { convergedAfterS, without: living(world).filter(({ run }) => run?.state()?.own === undefined).length };
}

function hadClones({ schedule }: World): boolean {
  return schedule.events.some(({ kind }) => kind === 'clone');
}

function living(world: World): readonly SimHost[] {
  return world.hosts.filter(({ run }) => run !== undefined);
}

/** Nobody does anything: only what must be renewed is. */
async function rest(world: World): Promise<void> {
  const renewed = (): number => world.judge.counts.get('renewed') ?? 0;
  const etcdWrites = (): number => living(world).reduce((sum, { run }) => sum + (run?.client.written ?? 0), 0);
  const kernelWrites = (): number => living(world).reduce((sum, { kernel }) => sum + kernel.written, 0);
  // A host without a subnet goes on asking whether there is one, and joins when it gets it.
  const lacking = living(world).some((host) => lacksLease(world, host));
  // Peers that are held are withdrawn when their time is over.
  const holding = living(world).some(({ run }) => (run?.state()?.departed.size ?? 0) > 0);
  const before = {
    renewed: renewed(),
    etcd: etcdWrites(),
    kernel: kernelWrites(),
    revision: world.etcd.keyspace.revision,
  };
  await world.runUntil(world.elapsedMs + REST_MS);
  if (world.violation !== undefined) return;
  const renewals = renewed() - before.renewed;
  if (!holding && !lacking && kernelWrites() !== before.kernel) {
    world.violate('at rest', `${kernelWrites() - before.kernel} writes to kernels in ${REST_MS / 1000} s`);
  }
  const written = world.etcd.keyspace.revision - before.revision;
  if (written > renewals) world.violate('at rest', `etcd was written ${written} times for ${renewals} renewals`);
  // A renewal is a grant and a transaction.
  const requests = etcdWrites() - before.etcd;
  if (!lacking && requests > 2 * renewals) {
    world.violate('at rest', `${requests} writing requests to etcd for ${renewals} renewals`);
  }
}

/** Whether the host has no record in etcd. */
function lacksLease(world: World, host: SimHost): boolean {
  const own = host.run?.state()?.own;
  return own === undefined || allLeases(world.etcd).get(keyOf(own.subnet))?.attributes.publicIp !== host.address;
}

/** The first thing that is not as it must be, in plain words. */
function missingIn(world: World): string | undefined {
  const records = allLeases(world.etcd);
  const peers = [...records.values()].flatMap((lease) => {
    const host = world.hostOf(lease);
    const own = host?.run?.state()?.own;
    return own !== undefined && keyOf(own.subnet) === keyOf(lease.subnet) ? [lease] : [];
  });
  const expected = [...records].map(
    ([key, { attributes }]) => `${key} ${attributes.publicIp} ${JSON.stringify(attributes.backendData)}`,
  );
  const text = [...expected, '', ...peers.map(({ subnet }) => keyOf(subnet))].join('\n');
  for (const host of living(world)) {
    const missing = missingOn(world, host, records, peers, text);
    if (missing !== undefined) return `${host.name} (${addressText(host)}) ${missing}`;
  }
  return undefined;
}

function missingOn(
  world: World,
  host: SimHost,
  records: ReadonlyMap<string, Lease>,
  peers: readonly Lease[],
  text: string,
): string | undefined {
  const state = host.run?.state();
  if (state === undefined) return 'has not begun';
  const { own, ownership } = state;
  if (own === undefined) {
    const free =
      world.schedule.subnets - [...records.values()].filter(({ subnet }) => subnet.ipv4?.length === 24).length;
    return free > 0 ? `has no subnet, though ${free} are free; last fault: ${state.lastFault ?? 'none'}` : undefined;
  }
  const name = formatSubnetKey(own.subnet);
  const stored = records.get(keyOf(own.subnet));
  // A clone was there: its address is taken back later, and until then the host says so.
  const isBarred = hadClones(world) && [state.renew, state.acquire].some(({ failures }) => failures > 0);
  if (stored === undefined) return isBarred ? undefined : `holds ${name}, which etcd does not have`;
  if (stored.attributes.publicIp !== host.address) {
    // Taken while the host was away, or so says a backup: it goes on forwarding and tells the operator.
    if (state.contested !== 'no' && state.renew.failures > 0) return undefined;
    return `holds ${name}, which etcd gives to ${formatIp(stored.attributes.publicIp)}`;
  }
  if (!state.ready) return `has ${name} and is not ready; last fault: ${state.lastFault ?? 'none'}`;
  if (ownership === undefined) return 'knows no interface';
  // The same kernel, unchanged, under the same records was good before: a large fleet is looked at many times.
  const known = GOOD.get(host);
  const { kernel } = host;
  const isSame = known?.kernel === kernel && known.written === kernel.written && known.text === text;
  if (isSame && known.own === name && state.departed.size === 0) return undefined;
  const missing = missingInKernel(
    world,
    host,
    { own, ownership, stored, departed: state.departed.leases },
    records,
    peers,
  );
  if (missing === undefined) GOOD.set(host, { kernel, written: kernel.written, text, own: name });
  return missing;
}

/** What the kernels of hosts were like, and what etcd held, when nothing was missing on them. */
const GOOD = new WeakMap<
  SimHost,
  { readonly kernel: MemoryKernel; readonly written: number; readonly text: string; readonly own: string }
>();

interface Standing {
  readonly own: Lease;
  readonly ownership: Ownership;
  readonly stored: Lease;
  readonly departed: readonly Lease[];
}

function missingInKernel(
  world: World,
  host: SimHost,
  { own, ownership, stored, departed }: Standing,
  records: ReadonlyMap<string, Lease>,
  peers: readonly Lease[],
): string | undefined {
  const observed = host.kernel.observe(ownership);
  const device = observed.links.find((link) => link.name === DEVICE);
  const published = parseVxlanLeaseData(stored.attributes.backendData);
  if (device === undefined || !device.up) return `has no device ${DEVICE} that is up`;
  if ('reason' in published || published.mac !== device.mac) {
    return `publishes another MAC than ${DEVICE} has, ${device.mac}`;
  }
  const routes = new Set(observed.routes.map(({ destination }) => destination.address));
  const macs = new Map(observed.neighbors.map(({ address, mac }) => [address, mac]));
  const destinations = new Map(observed.fdb.map(({ mac, destination }) => [mac, destination]));
  for (const peer of peers) {
    const base = peer.subnet.ipv4?.address;
    if (base === undefined || peer === stored || overlap(peer.subnet, own.subnet)) continue;
    const data = parseVxlanLeaseData(peer.attributes.backendData);
    if ('reason' in data) continue;
    const of = `${formatSubnetKey(peer.subnet)} of ${world.hostOf(peer)?.name ?? 'nobody'}`;
    if (!routes.has(base)) return `has no route to ${of}`;
    if (macs.get(base) !== data.mac) return `has not the MAC of ${of}: ${macs.get(base)} instead of ${data.mac}`;
    if (destinations.get(data.mac) !== peer.attributes.publicIp) return `sends packets for ${of} to another host`;
  }
  const known = new Set([...records.values(), ...departed].map(({ subnet }) => subnet.ipv4?.address));
  const stale = observed.routes.find(
    ({ destination: { address } }) => typeof address === 'number' && !known.has(address),
  );
  return stale === undefined ? undefined : `has a route to ${formatIp(stale.destination.address)}, which nobody leases`;
}
