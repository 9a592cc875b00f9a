/** A host for tests of the whole agent: fake kernel, shared fake etcd, a clock that the test moves. */

import assert from 'node:assert/strict';
import type { OpenEngines } from '#agent/backends/engine.ts';
import { MemoryCache } from '#agent/cache/memory-cache.ts';
import type { Kernel } from '#agent/kernel/kernel.ts';

import { type MemoryHost, MemoryKernel } from '#agent/kernel/memory-kernel.ts';
import { MirrorKernel } from '#agent/kernel/mirror-kernel.ts';
import type { ObservedAddress } from '#agent/kernel/state.ts';
import { EtcdLeaseStore } from '#agent/leases/etcd-store.ts';
import { type HostMark, hostMarkOf } from '#agent/leases/host-record.ts';
import { seededRandom } from '#agent/leases/lease-builders.ts';
import { MemoryEtcd } from '#agent/leases/memory-etcd.ts';
import type { LeaseStore } from '#agent/leases/store.ts';
import type { FabricReport } from '#agent/publish/status-report.ts';
import { parsePreviousSubnet } from '#agent/publish/subnet-file.ts';
import type { CoreSettings } from '#agent/reconcile/state.ts';
import { testSettings } from '#agent/reconcile/test-settings.ts';
import { openTraffic } from '#agent/traffic/traffic.ts';
import { MemoryFirewall } from '#firewall/memory-firewall.ts';
import { parseIp } from '#model/ip.ts';
import { type Mac, macFromRandom } from '#model/mac.ts';
import { ManualClock } from '#runtime/clock.ts';
import type { Fault } from '#runtime/fault.ts';
import { createLog } from '#runtime/log.ts';
import { type Driver, startDriver } from './driver.ts';

export const PREFIX = '/kubernetes/network';

/** The etcd and the clock that the hosts of one test share. */
export class TestFleet {
  readonly clock = new ManualClock(1_000_000);
  readonly etcd = new MemoryEtcd({ clock: this.clock });
  readonly operator = this.etcd.connect();

  async configure(document: object | string): Promise<void> {
    const value = typeof document === 'string' ? document : JSON.stringify(document);
    await this.operator.put({ key: `${PREFIX}/config`, value });
    await this.settle();
  }

  async putLease(name: string, value: string): Promise<void> {
    await this.operator.put({ key: `${PREFIX}/subnets/${name}`, value });
    await this.settle();
  }

  async deleteLease(name: string): Promise<void> {
    await this.operator.delete({ key: `${PREFIX}/subnets/${name}` });
    await this.settle();
  }

  /** Names and values below `<prefix>/subnets/`. */
  async leases(): Promise<ReadonlyMap<string, string>> {
    const key = `${PREFIX}/subnets/`;
    const { kvs } = await this.operator.range({ key, rangeEnd: `${PREFIX}/subnets0` });
    return new Map(kvs.map((kv) => [kv.key.slice(key.length), kv.value]));
  }

  /** Lets everything that is under way come to its end, without time passing. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }

  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    await this.settle();
  }
}

/** An address on eth0. */
export function hostAddress(text: string): ObservedAddress {
  const address = parseIp(text);
  if (address === undefined) throw new Error(`no address: ${text}`);
  const length = typeof address === 'number' ? 16 : 64;
  return { linkIndex: 2, address, length, scope: 0, permanent: true, deprecated: false, temporary: false };
}

/** One host with the addresses 10.77.0.`number` and fd00:77::`number` on eth0. */
export class TestHost {
  readonly fleet: TestFleet;
  readonly number: number;
  readonly kernel: MemoryKernel;
  readonly firewall = new MemoryFirewall();
  /** How long the kernel takes for one look. */
  lookMs = 0;
  /** What the next look fails with. */
  nextFault: Fault | undefined;
  readonly notified: string[] = [];
  readonly logged: string[] = [];
  subnetFile: string | undefined;
  /** Which machine this is; undefined: it cannot be told. */
  mark: HostMark | undefined;
  /** Used with `settings.cache`. */
  readonly cache = new MemoryCache({ prefix: PREFIX, api: 'v3' });
  /** The first answer of etcd never comes. */
  storeSilent = false;
  /** What happens between etcd's next listing and its arrival here. */
  meanwhile: (() => Promise<void>) | undefined;
  engines: OpenEngines = {};
  /** What the operator said; holds from the next start on. */
  settings: Partial<CoreSettings> = {};
  #driver: Driver | undefined;
  #starts = 0;

  constructor(fleet: TestFleet, number: number, more: Partial<MemoryHost> = {}) {
    this.fleet = fleet;
    this.number = number;
    this.mark = hostMarkOf(`machine ${number}`, `boot ${number}`, `host${number}`);
    const mac = `02:00:00:00:00:${number.toString(16).padStart(2, '0')}`;
    const eth0 = { index: 2, name: 'eth0', kind: 'veth', mtu: 1500, mac, up: true };
    this.kernel = new MemoryKernel({
      links: [eth0],
      addresses: [hostAddress(this.address), hostAddress(this.addressV6)],
      defaultRoutes: { ipv4: 2, ipv6: 2 },
      ...more,
    });
  }

  get address(): string {
    return `10.77.0.${this.number}`;
  }

  get addressV6(): string {
    return `fd00:77::${this.number}`;
  }

  async start(): Promise<void> {
    this.#starts += 1;
    const random = seededRandom(this.number * 1000 + this.#starts);
    const randomMac = (): Mac => macFromRandom(Uint8Array.from({ length: 6 }, () => random() * 256));
    this.#driver = startDriver({
      settings: testSettings({
        previous: this.subnetFile === undefined ? undefined : parsePreviousSubnet(this.subnetFile),
        randomMacs: { ipv4: randomMac(), ipv6: randomMac() },
        ...this.settings,
      }),
      kernel: new MirrorKernel(this.#slow(), this.fleet.clock),
      engines: this.engines,
      cache: this.cache,
      store: this.#store(),
      traffic: openTraffic(async () => this.firewall),
      clock: this.fleet.clock,
      log: createLog({ verbose: true, journal: true, write: (line) => this.logged.push(line.trimEnd()), now: () => 0 }),
      publish: (text) => {
        this.subnetFile = text;
      },
      notify: (text) => this.notified.push(text),
      random,
      relieve: () => undefined,
    });
    await this.fleet.settle();
  }

  #store(): LeaseStore {
    const etcd = this.fleet.etcd.connect();
    const store = new EtcdLeaseStore({ etcd, prefix: PREFIX, clock: this.fleet.clock, mark: this.mark });
    if (this.storeSilent) store.config = () => new Promise(() => undefined);
    const list = store.list.bind(store);
    store.list = async () => {
      const [snapshot, { meanwhile }] = [await list(), this];
      this.meanwhile = undefined;
      await meanwhile?.();
      return snapshot;
    };
    return store;
  }

  /** The kernel with the troubles that a test wants. */
  #slow(): Kernel {
    const { kernel } = this;
    return {
      host: (reach) => kernel.host(reach),
      apply: (operations) => kernel.apply(operations),
      watch: (ownership, listener) => kernel.watch(ownership, listener),
      close: () => kernel.close(),
      observe: (ownership) => {
        const fault = this.nextFault;
        this.nextFault = undefined;
        if (fault !== undefined) throw fault;
        this.fleet.clock.advance(this.lookMs);
        return kernel.observe(ownership);
      },
    };
  }

  /** What the agent tells about itself, every peer named. */
  report(): FabricReport {
    return this.#driver?.report({ peers: true }) ?? assert.fail('the agent does not run');
  }

  async reload(): Promise<void> {
    this.#driver?.reload();
    await this.fleet.settle();
  }

  async stop(): Promise<void> {
    await this.#driver?.stop();
    this.#driver = undefined;
    await this.fleet.settle();
  }

  /** What stands on flannel.1, sorted. */
  get fabric(): readonly string[] {
    return [...this.kernel.print('flannel.1')].sort();
  }

  get subnet(): string {
    return /FLANNEL_SUBNET=(\S+)/.exec(this.subnetFile ?? '')?.[1] ?? 'none';
  }

  get ready(): boolean {
    return this.notified.some((text) => text.startsWith('READY=1'));
  }

  /** Log lines that contain the text. */
  said(text: string): readonly string[] {
    return this.logged.filter((line) => line.includes(text));
  }
}

/** A network document, and a peer's record in it. */
export const NETWORK = { Network: '172.30.0.0/16', SubnetLen: 24, Backend: { Type: 'vxlan' } };
export const RECORD =
  '{"PublicIP":"10.77.0.99","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"8a:1b:af:8c:b2:78"}}';

/** A fleet of hosts that are ready. */
export async function readyFleet(
  hosts: number,
  network: object = NETWORK,
): Promise<{ fleet: TestFleet; hosts: TestHost[] }> {
  const fleet = new TestFleet();
  await fleet.configure(network);
  const list = Array.from({ length: hosts }, (_, index) => new TestHost(fleet, 11 + index));
  await Promise.all(list.map((host) => host.start()));
  await fleet.pass(500);
  for (const host of list) assert.ok(host.ready, host.logged.join('\n'));
  return { fleet, hosts: list };
}

export async function readyHost(): Promise<{ fleet: TestFleet; host: TestHost }> {
  const { fleet, hosts } = await readyFleet(1);
  return { fleet, host: hosts[0] ?? assert.fail() };
}

export function routes(host: TestHost): number {
  return host.fabric.filter((line) => line.startsWith('route')).length;
}
