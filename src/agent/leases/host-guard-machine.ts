/** A machine for tests of HostGuard: a store, a guard and the lease it has, all with one address. */
import { setImmediate as turn } from 'node:timers/promises';
import type { Lease } from '#model/lease.ts';
import type { ManualClock } from '#runtime/clock.ts';
import { Fault } from '#runtime/fault.ts';
import { createLog } from '#runtime/log.ts';
import { acquireLease } from './acquire.ts';
import { EtcdLeaseStore } from './etcd-store.ts';
import { HostGuard } from './host-guard.ts';
import { type HostMark, hostMarkOf } from './host-record.ts';
import { keepLease } from './keep-lease.ts';
import { attributesOf, networkOf, seededRandom } from './lease-builders.ts';
import type { MemoryEtcd } from './memory-etcd.ts';
import type { MemoryEtcdClient } from './memory-etcd-client.ts';

export const PREFIX = '/coreos.com/network';
export const ADDRESS = '10.77.0.11';
export const HOST_KEY = `${PREFIX}/hosts/${ADDRESS}`;
const DAY = 86_400;

export class GuardedMachine {
  readonly mark: HostMark;
  readonly client: MemoryEtcdClient;
  readonly logged: string[] = [];
  readonly #store: EtcdLeaseStore;
  readonly #clock: ManualClock;
  readonly #guard: HostGuard;
  readonly #mac: string;
  lease: Lease | undefined;

  constructor(etcd: MemoryEtcd, clock: ManualClock, name: string, boot = `boot of ${name}`) {
    this.mark = hostMarkOf(`machine ${name}`, boot, name);
    this.client = etcd.connect();
    this.#clock = clock;
    this.#store = new EtcdLeaseStore({ etcd: this.client, prefix: PREFIX, clock, mark: this.mark });
    const write = (line: string): number => this.logged.push(line);
    const log = createLog({ verbose: true, journal: true, write, now: () => 0 });
    this.#guard = new HostGuard({ store: this.#store, clock, log });
    this.#mac = `8a:1b:af:8c:b2:${name.length.toString(16).padStart(2, '0')}`;
  }

  /** Acquires, or keeps what it has. `held` when another machine is alive; other Faults pass. */
  async claim(): Promise<'ours' | 'held'> {
    const attributes = attributesOf(ADDRESS, this.#mac);
    const { lease } = this;
    const write = async (): Promise<Lease> => {
      if (lease !== undefined) return keepLease(this.#store, lease, attributes, DAY);
      const sleep = (ms: number): Promise<void> => new Promise((resolve) => void this.#clock.after(ms, resolve));
      const network = networkOf({ Network: '10.5.0.0/16' });
      const random = seededRandom(1);
      return (await acquireLease({ store: this.#store, network, attributes, ttlSeconds: DAY, random, sleep })).lease;
    };
    try {
      this.lease = await this.#guard.protect(attributes, write);
      this.#guard.hold(attributes, this.lease.modified);
      return 'ours';
    } catch (error) {
      if (error instanceof Fault && error.code === 'lease.clone') return 'held';
      throw error;
    }
  }

  /** The process ends: nobody answers any more. */
  die(): void {
    this.#guard.stop();
    this.client.close();
  }

  said(text: string): number {
    return this.logged.filter((line) => line.includes(text)).length;
  }
}

/** Lets time pass in small steps until the work is done. */
export async function during<T>(clock: ManualClock, work: Promise<T>, stepMs = 20): Promise<T> {
  let open = true;
  const done = work.finally(() => {
    open = false;
  });
  done.catch(() => undefined);
  while (open) {
    clock.advance(stepMs);
    await turn();
  }
  return done;
}

/** Lets that much time pass in small steps. */
export async function pass(clock: ManualClock, ms: number): Promise<void> {
  await during(clock, new Promise<void>((resolve) => void clock.after(ms, resolve)));
}
