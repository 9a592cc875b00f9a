/** The judge: watches what the agents do while it happens, and looks at all of them now and then. What a calm must bring is in judge-calm.ts. */
import type { CoreStep } from '#agent/driver.ts';
import type { FailedOperation } from '#agent/kernel/kernel.ts';
import { operationText } from '#agent/kernel/operation-text.ts';
import type { Operation, RouteEntry } from '#agent/kernel/state.ts';
import type { AcquiredLease } from '#agent/leases/acquire.ts';
import type { CoreState } from '#agent/reconcile/state.ts';
import { cidrsOverlap, isIpv4Cidr } from '#model/ip.ts';
import type { Lease } from '#model/lease.ts';
import { formatSubnetKey, type SubnetKey } from '#model/subnet-key.ts';
import { allLeases, holdsAddress, isOfAnother, keyOf, leaseAt } from './records.ts';
import { addressText, type SimHost } from './sim-host.ts';
import type { World } from './world.ts';

/** How long what somebody did to a record may have its consequences. */
const AFTERMATH_MS = 10_000;
/** A message may be so long under way, and be repeated. */
const UNDER_WAY_MS = 1000;
/** A host that has just reached etcd again may still believe what was true before. */
const CATCH_UP_MS = 5000;
/** A host that is connected has released an older record of its own, also when it asked for a sign of life first. */
const RELEASE_MS = 10_000;
/** The longest pause between two claims, with its jitter. */
const LONGEST_CLAIM_PAUSE_MS = 80_000;
/** A host connected for so long has renewed whatever needed it. */
const LONG_CONNECTED_MS = 600_000;
/** Inputs of one agent in one second, beside the events of etcd and of the kernel. */
const MOST_STEPS_PER_SECOND = 60;
const MOST_REMEMBERED = 1000;
const MOST_TROUBLES = 50;
const MOST_TIMERS_PER_HOST = 12;

export class Judge {
  readonly #world: World;
  readonly counts = new Map<string, number>();
  mostWaiting = 0;
  #ownChanged = false;
  /** What each host said last that it holds, and the revision of etcd at which owners were compared. */
  readonly #owns = new WeakMap<SimHost, Lease | undefined>();
  #comparedAt = 0;
  readonly #paces = new Map<SimHost, { second: number; steps: number; most: number }>();

  constructor(world: World) {
    this.#world = world;
  }

  count(what: string, by = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + by);
  }

  /** After each call of a core. */
  stepped(host: SimHost, { input, decision, state, waiting }: CoreStep): void {
    const world = this.#world;
    const now = world.clock.now();
    world.note(`${host.name} ${input.type} ${decision.actions.length} ${decision.wakeAt}`);
    this.count(input.type);
    if (decision.wakeAt <= now)
      world.violate('deadlines advance', `${host.name} asks to be woken at once, again and again`);
    this.#pace(host, input.type, now);
    this.mostWaiting = Math.max(this.mostWaiting, waiting);
    if (this.#owns.get(host) !== state.own) {
      this.#owns.set(host, state.own);
      this.#ownChanged = true;
    }
    if (input.type === 'acquired') this.#judgeSubnet(host, input.result);
    this.#judgeSizes(host, state, waiting);
  }

  /** Before the agent's operations reach the kernel. */
  writes(host: SimHost, operations: readonly Operation[]): void {
    this.count('kernel writes', operations.length);
    const ready = host.run?.state()?.ready === true;
    for (const operation of operations) {
      if (operation.type === 'route-delete') this.#judgeWithdrawal(host, operation.entry);
      if (!ready || this.#world.clock.now() - host.disturbedAt < AFTERMATH_MS) continue;
      const takesDown =
        operation.type === 'device-delete' ||
        // A reservation is the operator's word to move.
        (operation.type === 'address-delete' && host.run?.state()?.own?.reservation !== true) ||
        (operation.type === 'device-set' && operation.up === false);
      if (takesDown) this.#world.violate('forwarding stays', `${host.name}: ${operationText(operation)}`);
    }
  }

  refused(host: SimHost, failed: readonly FailedOperation[]): void {
    const [first] = failed;
    if (first === undefined) return;
    const { operation, fault } = first;
    this.#world.violate('kernel accepts', `${host.name}: ${operationText(operation)}: ${fault.summary}`);
  }

  /** When everything of one moment has happened. */
  instant(): void {
    const world = this.#world;
    world.history.follow(
      (lease) => world.hostOf(lease) !== undefined,
      (key) => this.#judgeVanished(key),
    );
    const { revision } = world.etcd.keyspace;
    if (!this.#ownChanged && revision === this.#comparedAt) return;
    this.#ownChanged = false;
    this.#comparedAt = revision;
    this.#judgeOwners();
  }

  /** Once a minute. */
  sample(): void {
    const world = this.#world;
    this.#judgeOwners();
    for (const host of world.machines) this.#judgeClaim(host);
    const timers = world.clock.waiting;
    const most = MOST_TIMERS_PER_HOST * world.machines.length + world.etcd.leaseCount + 100;
    if (timers > most) world.violate('bounded', `${timers} timers wait for ${world.machines.length} machines`);
  }

  #pace(host: SimHost, type: string, now: number): void {
    const second = Math.floor(now / 1000);
    let pace = this.#paces.get(host);
    if (pace?.second !== second) {
      pace = { second, steps: 0, most: MOST_STEPS_PER_SECOND };
      this.#paces.set(host, pace);
    }
    // What others did is answered by a pass, perhaps by two.
    if (type === 'leases' || type === 'kernel-changed') pace.most += 2;
    else pace.steps += 1;
    if (pace.steps <= pace.most) return;
    const what = `${host.name} took ${pace.steps} steps in one second, the last one: ${type}`;
    this.#world.violate('deadlines advance', what);
    // It may never let go of this moment by itself.
    host.stop();
  }

  #judgeSizes(host: SimHost, state: CoreState, waiting: number): void {
    const world = this.#world;
    const most = world.schedule.hosts * 4 + 300;
    const sizes = {
      'inputs that wait': [waiting, 100],
      'peers known': [state.view.size, most],
      'records reported': [state.rejections.size, MOST_REMEMBERED],
      'troubles remembered': [state.troubles.size, MOST_TROUBLES],
    } as const;
    for (const [name, [size, limit]] of Object.entries(sizes)) {
      if (size > limit) world.violate('bounded', `${host.name}: ${size} ${name}, at most ${limit} are reasonable`);
    }
  }

  /** A host that comes back must not move its Pods without need. */
  #judgeSubnet(host: SimHost, { lease, how }: AcquiredLease): void {
    const previous = host.run?.previous;
    if (previous === undefined || formatSubnetKey(previous) === formatSubnetKey(lease.subnet)) return;
    this.count('moved');
    const world = this.#world;
    const key = keyOf(previous);
    // A record that names it elsewhere is the truth for it; what etcd forgot a moment ago it may have had then.
    if (how === 'renewed' || world.clock.now() - world.history.disturbedAt(key) < AFTERMATH_MS) return;
    const isOthers = (other: Lease): boolean =>
      other.attributes.publicIp !== host.address && overlap(other.subnet, previous);
    const isUnusable = world.etcd.keyspace.range({ key }).count > 0 && leaseAt(world.etcd, key) === undefined;
    if (isUnusable || [...allLeases(world.etcd).values()].some(isOthers)) return;
    const [was, is] = [formatSubnetKey(previous), formatSubnetKey(lease.subnet)];
    world.violate('keeps its subnet', `${host.name} had ${was}, which is free, and took ${is}`);
  }

  #judgeWithdrawal(host: SimHost, { destination }: RouteEntry): void {
    const world = this.#world;
    // A clone is told that it is one: what it does to its own machine is no loss.
    if (!isIpv4Cidr(destination) || host.isClone) return;
    const subnet = { ipv4: destination };
    const key = keyOf(subnet);
    const lease = leaseAt(world.etcd, key);
    const peer = lease && world.hostOf(lease);
    const own = peer?.run?.state()?.own;
    if (
      lease === undefined ||
      peer === undefined ||
      own === undefined ||
      isPair(peer, host) ||
      keyOf(own.subnet) !== key
    )
      return;
    if (world.clock.now() - this.#heardAt(host, key) < UNDER_WAY_MS || this.#hasNewTwin(lease, peer)) return;
    const what = `${host.name} removes the route to ${formatSubnetKey(subnet)} of ${peer.name}, whose record stands unchanged in etcd`;
    world.violate('no live peer withdrawn', what);
  }

  /**
   * Whether an older record names the same host, and that host had no time yet to release it: until then peers go by the older
   * claim, unless both say the same.
   */
  #hasNewTwin({ subnet, attributes, created }: Lease, owner: SimHost): boolean {
    const world = this.#world;
    const data = JSON.stringify(attributes.backendData);
    return [...allLeases(world.etcd)].some(([key, other]) => {
      if (other.created >= created || key === keyOf(subnet)) return false;
      const sameAddress = other.attributes.publicIp === attributes.publicIp;
      const sameData = JSON.stringify(other.attributes.backendData) === data;
      if (sameAddress === sameData) return false;
      // The operator's word is released by nobody, and neither is what a clone wrote with the MAC that it found.
      if (other.reservation || isOfAnother(world.etcd, owner, other)) return true;
      return owner.connectedSince === undefined || this.#sinceHeard(owner, key) < RELEASE_MS;
    });
  }

  #sinceHeard(host: SimHost, key: string): number {
    const sinceMs = Math.max(this.#world.history.disturbedAt(key), host.connectedSince ?? Number.NEGATIVE_INFINITY);
    return this.#world.clock.now() - sinceMs;
  }

  /** When the host could first hear of what was last done to the record by others. */
  #heardAt(host: SimHost, key: string): number {
    const disturbedAt = this.#world.history.disturbedAt(key);
    return disturbedAt < host.lostAt ? disturbedAt : Math.max(disturbedAt, host.connectedSince ?? disturbedAt);
  }

  #judgeVanished(key: string): void {
    const world = this.#world;
    if (world.deleted.has(key)) return;
    for (const host of world.hosts) {
      const state = host.run?.state();
      const own = state?.own;
      // What stands at a contested key is not its record.
      if (own === undefined || state?.contested !== 'no' || keyOf(own.subnet) !== key) continue;
      const since = host.connectedSince ?? Number.POSITIVE_INFINITY;
      if (world.clock.now() - since < LONG_CONNECTED_MS) continue;
      world.violate('lease kept alive', `the record ${formatSubnetKey(own.subnet)} of ${host.name} is gone`);
    }
  }

  /** Of the hosts that have caught up with etcd and whose record stands there. */
  #judgeOwners(): void {
    const world = this.#world;
    const owners: { readonly host: SimHost; readonly subnet: SubnetKey }[] = [];
    for (const host of world.machines) {
      const own = host.run?.state()?.own;
      const since = host.connectedSince ?? Number.POSITIVE_INFINITY;
      if (own === undefined || world.clock.now() - since < CATCH_UP_MS) continue;
      const stored = leaseAt(world.etcd, keyOf(own.subnet));
      if (stored?.attributes.publicIp === host.address && holdsAddress(world.etcd, host))
        owners.push({ host, subnet: own.subnet });
    }
    owners.sort((a, b) => (a.subnet.ipv4?.address ?? 0) - (b.subnet.ipv4?.address ?? 0));
    for (const [at, { host, subnet }] of owners.entries()) {
      const next = owners[at + 1];
      if (next === undefined || !overlap(subnet, next.subnet)) continue;
      const what = `${host.name} holds ${formatSubnetKey(subnet)}, ${next.host.name} holds ${formatSubnetKey(next.subnet)}`;
      world.violate('one owner', what);
    }
  }

  #judgeClaim(host: SimHost): void {
    const world = this.#world;
    const state = host.run?.state();
    const since = host.connectedSince ?? Number.POSITIVE_INFINITY;
    const now = world.clock.now();
    if (state?.own === undefined || now - since < CATCH_UP_MS) return;
    const key = keyOf(state.own.subnet);
    if (leaseAt(world.etcd, key)?.attributes.publicIp === host.address) return;
    // A host that runs from its cache asks for the listing first.
    const isTrying = [state.renew, state.acquire, state.load].some(({ running, failures }) => running || failures > 0);
    const claims = isTrying || state.renewAt < now + LONGEST_CLAIM_PAUSE_MS;
    if (claims || now - world.history.disturbedAt(key) < AFTERMATH_MS) return;
    const what = `${host.name} (${addressText(host)}) believes in ${formatSubnetKey(state.own.subnet)}, which etcd does not have`;
    world.violate('held or claimed', what);
  }
}

/** A host and itself or its clone. */
function isPair(a: SimHost, b: SimHost): boolean {
  return a.address === b.address;
}

export function overlap(a: SubnetKey, b: SubnetKey): boolean {
  return a.ipv4 !== undefined && b.ipv4 !== undefined && cidrsOverlap(a.ipv4, b.ipv4);
}
