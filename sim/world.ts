/** The simulated world: one clock, one etcd, many machines. Time goes from one deadline to the next. */
import { createHash } from 'node:crypto';
import { seededRandom } from '#agent/leases/lease-builders.ts';
import { type EtcdBackup, MemoryEtcd } from '#agent/leases/memory-etcd.ts';
import type { LeaseStore } from '#agent/leases/store.ts';
import type { Lease } from '#model/lease.ts';
import { ManualClock } from '#runtime/clock.ts';
import type { Invariant, Violation } from './invariants.ts';
import { Judge } from './judge.ts';
import { RecordHistory } from './records.ts';
import type { Schedule } from './schedule.ts';
import { SimHost, type Surroundings } from './sim-host.ts';
import { PREFIX } from './stored.ts';

const START_MS = 1_000_000;
/** A message takes 1 to so many milliseconds, each way. Whole ones, so that a fleet is not woken a thousand times apart. */
const LONGEST_LATENCY_MS = 8;
/** What the real client waits for an answer. */
const TIMEOUT_MS = 5000;
const FIRST_ADDRESS = 0x0a4d0001; // 10.77.0.1
const SAMPLE_MS = 60_000;
/** In larger fleets nobody has a cache, and sweeps are rare: both take the square of the fleet. The outcome says so. */
const MOST_THOROUGH = 100;

export function thoroughness(hosts: number): { readonly withCache: boolean; readonly sweepMs: number } {
  return hosts <= MOST_THOROUGH ? { withCache: true, sweepMs: 60_000 } : { withCache: false, sweepMs: 6 * 3_600_000 };
}

export interface WorldOptions {
  /** A plant of tests: what stands between an agent and the store. */
  readonly wrapStore?: (store: LeaseStore, host: SimHost) => LeaseStore;
  /** Hears every log line of every agent. */
  readonly log?: (at: number, host: SimHost, line: string) => void;
}

export class World {
  readonly schedule: Schedule;
  readonly clock = new ManualClock(START_MS);
  readonly etcd: MemoryEtcd;
  readonly history: RecordHistory;
  readonly hosts: readonly SimHost[];
  readonly clones = new Set<SimHost>();
  readonly judge: Judge;
  /** Values that no host writes: what operators left behind. */
  readonly mess = new Set<string>();
  /** Keys that operators deleted at this moment. */
  readonly deleted = new Set<string>();
  backup: EtcdBackup | undefined;
  /** How often etcd was stopped and not started again. */
  outages = 0;
  violation: Violation | undefined;
  instants = 0;
  readonly #trace = createHash('sha256');
  readonly #around: Surroundings;
  readonly #byAddress = new Map<number, SimHost>();
  #nextAddress = FIRST_ADDRESS;
  #clonesMade = 0;
  #sampleAt = START_MS + SAMPLE_MS;

  constructor(schedule: Schedule, options: WorldOptions = {}) {
    this.schedule = schedule;
    const random = seededRandom(schedule.seed ^ 0x5eed);
    const latencyMs = (): number => 1 + Math.floor(random() * LONGEST_LATENCY_MS);
    this.etcd = new MemoryEtcd({ clock: this.clock, latencyMs, timeoutMs: TIMEOUT_MS });
    this.history = new RecordHistory(this.etcd);
    this.judge = new Judge(this);
    const { wrapStore, log } = options;
    this.#around = {
      seed: schedule.seed,
      clock: this.clock,
      etcd: this.etcd,
      ...thoroughness(schedule.hosts),
      ...(wrapStore === undefined ? {} : { wrapStore }),
      stepped: (host, step) => this.judge.stepped(host, step),
      writes: (host, operations) => this.judge.writes(host, operations),
      refused: (host, failed) => this.judge.refused(host, failed),
      logs: (host, line) => log?.(this.elapsedMs, host, line.trimEnd()),
    };
    this.hosts = Array.from({ length: schedule.hosts }, (_, index) => this.#machine(index, this.newAddress()));
    this.etcd.putRaw(`${PREFIX}/config`, networkDocument(schedule.subnets));
  }

  get elapsedMs(): number {
    return this.clock.now() - START_MS;
  }

  /** Hosts and clones. */
  get machines(): readonly SimHost[] {
    return [...this.hosts, ...this.clones];
  }

  newAddress(): number {
    return this.#nextAddress++;
  }

  makeClone(host: SimHost): SimHost {
    this.#clonesMade += 1;
    const clone = this.#machine(host.index, host.address, this.#clonesMade);
    this.clones.add(clone);
    return clone;
  }

  /** Whose address that is; a host that is off has one too. */
  hostOf({ attributes }: Lease): SimHost | undefined {
    const known = this.#byAddress.get(attributes.publicIp);
    if (known?.address === attributes.publicIp) return known;
    const host = this.hosts.find(({ address }) => address === attributes.publicIp);
    if (host !== undefined) this.#byAddress.set(host.address, host);
    return host;
  }

  note(text: string): void {
    this.#trace.update(`${this.elapsedMs} ${text}\n`);
  }

  /** What was done, by whom and when, as one number: equal schedules have equal ones. */
  traceHash(): string {
    return this.#trace.copy().digest('hex').slice(0, 16);
  }

  /** The first violation is the one that counts. */
  violate(invariant: Invariant, what: string): void {
    this.violation ??= { invariant, what, at: this.elapsedMs };
  }

  /** After anything that may have changed who reaches etcd. */
  reachChanged(): void {
    for (const machine of this.machines) {
      const reaches = machine.run !== undefined && !machine.isCut && this.etcd.running;
      if (!reaches) this.#loses(machine);
      else machine.connectedSince ??= this.clock.now();
    }
  }

  #loses(machine: SimHost): void {
    if (machine.connectedSince !== undefined) machine.lostAt = this.clock.now();
    machine.connectedSince = undefined;
  }

  /** Every connection breaks. */
  allLost(): void {
    for (const machine of this.machines) this.#loses(machine);
  }

  start(machine: SimHost): void {
    machine.start();
    this.reachChanged();
  }

  /** Until so long after the beginning, or the first violation. */
  async runUntil(elapsedMs: number): Promise<void> {
    const end = START_MS + elapsedMs;
    while (this.violation === undefined) {
      const next = Math.min(this.clock.nextAt ?? end, this.#sampleAt, end);
      if (next < this.clock.now()) return;
      this.clock.advance(next - this.clock.now());
      await this.settle();
      if (next >= this.#sampleAt) {
        this.#sampleAt += SAMPLE_MS;
        this.judge.sample();
      }
      if (next === end && (this.clock.nextAt ?? end + 1) > end) return;
    }
  }

  /**
   * Lets what is under way come to rest at this moment. Nothing here waits for the machine that we run on, so all that is
   * under way are promises, and one turn of the event loop finishes every chain of them.
   */
  async settle(): Promise<void> {
    this.instants += 1;
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.judge.instant();
    this.deleted.clear();
  }

  #machine(index: number, address: number, clone = 0): SimHost {
    return new SimHost(this.#around, index, address, clone);
  }
}

/** A network of exactly so many subnets. */
function networkDocument(subnets: number): string {
  const last = subnets;
  const text = (slot: number): string => `10.${128 + (slot >> 8)}.${slot & 255}.0`;
  const range = { SubnetMin: text(1), SubnetMax: text(last) };
  return JSON.stringify({ Network: '10.128.0.0/9', SubnetLen: 24, ...range, Backend: { Type: 'vxlan' } });
}

/** The key of the subnet with that number, from 0. */
export function slotKey(slot: number, length = 24): string {
  const at = slot + 1;
  return `${PREFIX}/subnets/10.${128 + (at >> 8)}.${length === 24 ? at & 255 : at & 254}.0-${length}`;
}
