/** A machine of the simulated fleet: a kernel, a subnet file, a place in the network, and now and then an agent, the real one. */

import { MemoryCache } from '#agent/cache/memory-cache.ts';
import { type CoreStep, type Driver, startDriver } from '#agent/driver.ts';
import type { FailedOperation, Kernel } from '#agent/kernel/kernel.ts';
import { MemoryKernel } from '#agent/kernel/memory-kernel.ts';
import { MirrorKernel } from '#agent/kernel/mirror-kernel.ts';
import type { ObservedAddress, Operation } from '#agent/kernel/state.ts';
import { EtcdLeaseStore } from '#agent/leases/etcd-store.ts';
import { type HostMark, hostMarkOf } from '#agent/leases/host-record.ts';
import { seededRandom } from '#agent/leases/lease-builders.ts';
import type { MemoryEtcd } from '#agent/leases/memory-etcd.ts';
import type { MemoryEtcdClient } from '#agent/leases/memory-etcd-client.ts';
import type { LeaseStore } from '#agent/leases/store.ts';
import { parsePreviousSubnet } from '#agent/publish/subnet-file.ts';
import type { CoreState } from '#agent/reconcile/state.ts';
import { testSettings } from '#agent/reconcile/test-settings.ts';
import type { Traffic } from '#agent/traffic/traffic.ts';
import { formatIpv4 } from '#model/ipv4.ts';
import { type Mac, macFromRandom } from '#model/mac.ts';
import type { SubnetKey } from '#model/subnet-key.ts';
import type { Clock, ManualClock } from '#runtime/clock.ts';
import { createLog } from '#runtime/log.ts';

import { PREFIX, readOnce } from './stored.ts';

export const DEVICE = 'flannel.1';

/** What all machines share, and who is told what they do. */
export interface Surroundings {
  readonly seed: number;
  readonly clock: ManualClock;
  readonly etcd: MemoryEtcd;
  /** How often an agent looks at its kernel unasked. */
  readonly sweepMs: number;
  /** Whether the agents keep what they know on the disk. */
  readonly withCache: boolean;
  /** A plant of tests: what stands between an agent and the store. */
  readonly wrapStore?: (store: LeaseStore, host: SimHost) => LeaseStore;
  readonly stepped: (host: SimHost, step: CoreStep) => void;
  /** Just before the agent's writes reach the kernel. */
  readonly writes: (host: SimHost, operations: readonly Operation[]) => void;
  readonly refused: (host: SimHost, failed: readonly FailedOperation[]) => void;
  readonly logs: (host: SimHost, line: string) => void;
}

/** An agent that runs. */
export interface Run {
  readonly client: MemoryEtcdClient;
  readonly driver: Driver;
  /** The core's state; undefined until its first step. */
  readonly state: () => CoreState | undefined;
  /** The subnet that the file named when it started. */
  readonly previous: SubnetKey | undefined;
  readonly die: () => void;
}

/** The agent's rules for traffic are not simulated: they decide nothing about leases and routes. */
const NO_TRAFFIC: Traffic = {
  reconcile: async () => ({ written: [], findings: [] }),
  watch: () => undefined,
  close: () => undefined,
};

export class SimHost {
  readonly name: string;
  readonly index: number;
  readonly isClone: boolean;
  kernel: MemoryKernel;
  /** On the disk: it outlives a reboot. */
  readonly cache = new MemoryCache({ prefix: PREFIX, api: 'v3' });
  subnetFile: string | undefined;
  run: Run | undefined;
  /** Off for good. */
  gone = false;
  wallOffsetMs = 1_700_000_000_000;
  /** Since when the agent reaches etcd without a break; undefined when it does not. */
  connectedSince: number | undefined;
  /** When it last lost etcd. */
  lostAt = Number.NEGATIVE_INFINITY;
  /** When its state in the kernel, or its address, was last changed by others. */
  disturbedAt = Number.NEGATIVE_INFINITY;
  #address: number;
  #cuts = 0;
  #starts = 0;
  #boots = 1;
  #mark: { readonly boot: number; readonly mark: HostMark } | undefined;
  readonly #around: Surroundings;

  constructor(around: Surroundings, index: number, address: number, clone = 0) {
    this.#around = around;
    this.index = index;
    this.isClone = clone > 0;
    this.name = `host ${index}${clone > 0 ? ` (clone ${clone})` : ''}`;
    this.#address = address;
    this.kernel = this.#freshKernel();
  }

  get address(): number {
    return this.#address;
  }

  get isCut(): boolean {
    return this.#cuts > 0;
  }

  /** Cut off from etcd; as often as it is cut it must be healed. */
  cut(): void {
    this.#cuts += 1;
    this.run?.client.cut();
  }

  heal(): void {
    this.#cuts = Math.max(0, this.#cuts - 1);
    if (this.#cuts === 0) this.run?.client.heal();
  }

  start(): void {
    if (this.run !== undefined || this.gone) return;
    this.#starts += 1;
    const { clock, etcd, wrapStore } = this.#around;
    const random = seededRandom(
      this.#around.seed * 7919 + this.index * 101 + this.#starts * 2 + (this.isClone ? 1 : 0),
    );
    const randomMac = (): Mac => macFromRandom(Uint8Array.from({ length: 6 }, () => random() * 256));
    let alive = true;
    let state: CoreState | undefined;
    /** A pass takes time, and what comes meanwhile is answered by the next one, as on a real machine. */
    let busyUntil = 0;
    const now = (): number => Math.max(clock.now(), busyUntil);
    const takes = (ms: number): void => {
      busyUntil = now() + Math.ceil(ms);
    };
    const mortal: Clock = {
      now,
      after: (ms, wake) => clock.after(ms + now() - clock.now(), () => void (alive && wake())),
    };
    const client = etcd.connect();
    if (this.isCut) client.cut();
    const store = new EtcdLeaseStore({ etcd: client, prefix: PREFIX, clock: mortal, mark: this.mark, read: readOnce });
    const previous = this.subnetFile === undefined ? undefined : parsePreviousSubnet(this.subnetFile);
    const kernel = new MirrorKernel(
      this.#watchedKernel(() => alive),
      mortal,
    );
    const driver = startDriver({
      settings: testSettings({
        sweepMs: this.#around.sweepMs,
        manageSysctls: false,
        ...(this.#around.withCache ? { cache: { patienceMs: 1500 } } : {}),
        wallOffsetMs: this.wallOffsetMs,
        previous,
        randomMacs: { ipv4: randomMac(), ipv6: randomMac() },
        spread: random(),
      }),
      kernel: slowKernel(kernel, takes),
      ...(this.#around.withCache ? { cache: this.cache } : {}),
      store: wrapStore === undefined ? store : wrapStore(store, this),
      traffic: NO_TRAFFIC,
      clock: mortal,
      log: createLog({ verbose: false, journal: true, write: (line) => this.#around.logs(this, line), now: () => 0 }),
      publish: (text) => {
        this.subnetFile = text;
      },
      notify: () => undefined,
      random,
      relieve: () => undefined,
      trace: (step) => {
        state = step.state;
        this.#around.stepped(this, step);
      },
    });
    const die = (): void => {
      alive = false;
      client.kill();
      kernel.close();
    };
    this.run = { client, driver, state: () => state, previous, die };
  }

  /** As by SIGTERM; the data plane is left as it is. */
  stop(): void {
    const { run } = this;
    if (run === undefined) return;
    this.run = undefined;
    this.connectedSince = undefined;
    void run.driver.stop();
    run.client.close();
  }

  /** As by SIGKILL. */
  crash(): void {
    this.run?.die();
    this.run = undefined;
    this.connectedSince = undefined;
  }

  /** The machine goes down: what it had in memory is gone. */
  powerOff(): void {
    this.crash();
    this.#boots += 1;
    this.kernel = this.#freshKernel();
    this.subnetFile = undefined;
  }

  /** In so many milliseconds, whatever becomes of the agent. */
  later(ms: number, work: () => void): void {
    this.#around.clock.after(ms, work);
  }

  /** Which machine this is: a clone has another id, and every boot one of its own. */
  get mark(): HostMark {
    if (this.#mark?.boot !== this.#boots) {
      this.#mark = { boot: this.#boots, mark: hostMarkOf(this.name, `boot ${this.#boots}`, `host${this.index}`) };
    }
    return this.#mark.mark;
  }

  renumber(address: number): void {
    this.#address = address;
    this.kernel.setAddresses([this.#observedAddress()]);
  }

  #freshKernel(): MemoryKernel {
    const mac = `02:00:00:00:${hex(this.index >> 8)}:${hex(this.index & 255)}`;
    const eth0 = { index: 2, name: 'eth0', kind: 'veth', mtu: 1500, mac, up: true };
    return new MemoryKernel({ links: [eth0], addresses: [this.#observedAddress()], defaultRoutes: { ipv4: 2 } });
  }

  #observedAddress(): ObservedAddress {
    const rest = { scope: 0, permanent: true, deprecated: false, temporary: false };
    return { linkIndex: 2, address: this.#address, length: 16, ...rest };
  }

  #watchedKernel(alive: () => boolean): Kernel {
    const { kernel } = this;
    return {
      host: (reach) => kernel.host(reach),
      observe: (ownership) => kernel.observe(ownership),
      apply: (operations) => {
        const list = [...operations];
        this.#around.writes(this, list);
        const result = kernel.apply(list);
        if (result.failed.length > 0) this.#around.refused(this, result.failed);
        return result;
      },
      watch: (ownership, listener) => kernel.watch(ownership, () => void (alive() && listener())),
      close: () => kernel.close(),
    };
  }
}

/** As a pass takes on a small machine: `takes` is told of milliseconds. */
const LOOK_MS_PER_ROUTE = 0.02;
const WRITE_MS = 0.06;

function slowKernel(kernel: Kernel, takes: (ms: number) => void): Kernel {
  return {
    host: (reach) => kernel.host(reach),
    observe(ownership, fresh) {
      const observed = kernel.observe(ownership, fresh);
      takes(1 + observed.routes.length * LOOK_MS_PER_ROUTE);
      return observed;
    },
    apply(operations) {
      const list = [...operations];
      takes(list.length * WRITE_MS);
      return kernel.apply(list);
    },
    remember: (wanted) => kernel.remember?.(wanted),
    watch: (ownership, listener) => kernel.watch(ownership, listener),
    close: () => kernel.close(),
  };
}

export function addressText(host: SimHost): string {
  return formatIpv4(host.address);
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}
