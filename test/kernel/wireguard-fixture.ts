/**
 * Hosts in namespaces on one switch, each with the wireguard engine and a Pod subnet behind it. The kernel's part of the
 * desired state is written with `ip`, so that these tests need only the backend and its engine.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { inspect } from 'node:util';
import type { Backend, Desired, Underlay } from '#agent/backends/backend.ts';
import type { Engine } from '#agent/backends/engine.ts';
import { wireguardBackend } from '#agent/backends/wireguard/backend.ts';
import { openWireguardEngine } from '#agent/engines/wireguard-engine.ts';
import { formatCidr, formatIp } from '#model/ip.ts';
import { parseIpv4 } from '#model/ipv4.ts';
import { parseIpv6 } from '#model/ipv6.ts';
import type { Lease } from '#model/lease.ts';
import { parseNetworkConfig } from '#model/network-config.ts';
import { parseSubnetKey } from '#model/subnet-key.ts';
import { ManualClock } from '#runtime/clock.ts';
import { createLog } from '#runtime/log.ts';
import { userSpaceControl } from '#wireguard/user-space-control.ts';
import { stopWireguardGo } from '#wireguard/wireguard-go.ts';

export const IPV4_NETWORK = '{"Network":"10.5.0.0/16","Backend":{"Type":"wireguard"}}';
const PATIENCE_MS = 10_000;

let count = 0;

export interface Fabric {
  readonly hosts: readonly WireguardHost[];
  /** Every host converges with the leases of all. */
  converge(): Promise<readonly number[]>;
}

/** Brings up hosts on one network document; all is removed when the test ends. */
export async function makeFabric(context: TestContext, size: number, document = IPV4_NETWORK): Promise<Fabric> {
  count += 1;
  const prefix = `weft-wg-${process.pid}-${count}`;
  const center = `${prefix}-s`;
  const hosts: WireguardHost[] = [];
  ip('netns', 'add', center);
  context.after(async () => {
    for (const host of hosts) await host.destroy();
    ip('netns', 'delete', center);
  });
  batch(center, ['link add br0 type bridge', 'link set br0 up']);
  for (let number = 1; number <= size; number += 1) {
    hosts.push(new WireguardHost(`${prefix}-${number}`, number, document));
    hosts.at(-1)?.wire(center);
  }
  for (const host of hosts) await host.open();
  return { hosts, converge: () => Promise.all(hosts.map((host) => host.converge(hosts))) };
}

export class WireguardHost {
  readonly namespace: string;
  readonly number: number;
  readonly directory: string;
  readonly backend: Backend;
  readonly clock = new ManualClock();
  /** Lines that the engine logged. */
  readonly lines: string[] = [];
  #engine: Engine | undefined;

  constructor(namespace: string, number: number, document: string) {
    this.namespace = namespace;
    this.number = number;
    this.directory = mkdtempSync(join(tmpdir(), 'weft-wg-'));
    const parsed = parseNetworkConfig(document);
    assert('config' in parsed, inspect(parsed));
    const opened = wireguardBackend.open(parsed.config);
    assert('backend' in opened, inspect(opened));
    this.backend = opened.backend;
  }

  get path(): string {
    return `/run/netns/${this.namespace}`;
  }

  get keyFile(): string {
    return join(this.directory, 'run/wgkey');
  }

  get sockets(): string {
    return join(this.directory, 'sockets');
  }

  get engine(): Engine {
    assert(this.#engine !== undefined);
    return this.#engine;
  }

  /** eth0 on the switch, with both families; a device that stands for the Pods. */
  wire(center: string): void {
    const { namespace, number } = this;
    ip('netns', 'add', namespace);
    ip('-n', center, 'link', 'add', `port${number}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace);
    batch(center, [`link set port${number} master br0 up`]);
    batch(namespace, [
      'link set lo up',
      'link set eth0 up',
      `address add 192.0.2.${number}/24 dev eth0`,
      `address add 2001:db8::${number}/64 dev eth0 nodad`,
      'link add pod0 type veth peer name pod0p',
      'link set pod0 up',
      'link set pod0p up',
      `address add 10.5.${number}.2/24 dev pod0`,
      `address add fd00:5:0:${number}::2/64 dev pod0 nodad`,
    ]);
  }

  async open(): Promise<void> {
    this.#engine = await openWireguardEngine({
      keyFile: this.keyFile,
      directory: this.sockets,
      namespace: this.path,
      // On every kernel: these tests look at the sockets.
      kernel: false,
      clock: this.clock,
      log: createLog({ verbose: true, journal: true, now: () => 0, write: (line) => this.lines.push(line.trim()) }),
    });
  }

  /** The lease of this host, as it would be in the store. */
  lease(): Lease {
    const { engine, backend, number } = this;
    const identity = { macs: {}, ...(engine.identity === undefined ? {} : { published: engine.identity }) };
    const { ipv4: backendData, ipv6: backendV6Data } = backend.leaseData(identity);
    const names = [
      ...(backendData === undefined ? [] : [`10.5.${number}.0-24`]),
      ...(backendV6Data === undefined ? [] : [`fd00:5:0:${number}::-64`]),
    ];
    const subnet = parseSubnetKey(names.join('&'));
    assert(subnet !== undefined, names.join('&'));
    const attributes = {
      publicIp: backendData === undefined ? 0 : this.#ipv4,
      publicIpv6: backendV6Data === undefined ? null : this.#ipv6,
      backendType: 'wireguard',
      ...(backendData === undefined ? {} : { backendData }),
      ...(backendV6Data === undefined ? {} : { backendV6Data }),
    };
    return { subnet, attributes, reservation: false, created: number, modified: number };
  }

  desired(leases: readonly Lease[]): Desired {
    const { ipv4, ipv6 } = this.lease().subnet;
    const underlay: Underlay = {
      name: 'eth0',
      index: 2,
      mtu: 1500,
      ...(ipv4 === undefined ? {} : { ipv4: { address: this.#ipv4, publicIp: this.#ipv4 } }),
      ...(ipv6 === undefined ? {} : { ipv6: { address: this.#ipv6, publicIp: this.#ipv6 } }),
    };
    const identity = { macs: {}, published: this.engine.identity ?? '' };
    return this.backend.desired({ underlay, identity, own: this.lease(), leases, hostRoutes: [] });
  }

  /** One pass with these hosts as the fleet: the engine, then what the kernel is to hold. Changes that the engine made. */
  async converge(fleet: readonly WireguardHost[]): Promise<number> {
    const { state, engine, refused } = this.desired(fleet.filter((host) => host !== this).map((host) => host.lease()));
    assert.deepEqual(refused, []);
    assert(engine !== undefined);
    const changes = await this.engine.converge(engine);
    const lines = state.devices.map(({ name, mtu }) => `link set ${name} mtu ${mtu} up`);
    for (const { device, address, length } of state.addresses) {
      lines.push(`address replace ${formatIp(address)}/${length} dev ${device}`);
    }
    for (const route of state.routes) {
      assert(route.type === 'link');
      lines.push(`route replace ${formatCidr(route.destination)} dev ${route.device} scope ${route.scope}`);
    }
    batch(this.namespace, lines);
    return changes;
  }

  /** Pings from a Pod here to a Pod there, a few at once; the number of answers. */
  ping(to: WireguardHost, family: 4 | 6 = 4, ...options: readonly string[]): number {
    const [from, target] = [this, to].map(({ number }) =>
      family === 4 ? `10.5.${number}.2` : `fd00:5:0:${number}::2`,
    );
    const argv = ['-c', '3', '-i', '0.05', '-W', '2', '-I', from ?? '', ...options, target ?? ''];
    return Number(/(\d+) received/.exec(this.run('ping', ...argv))?.[1]);
  }

  /** Standard output of a command on this host, whatever its exit code. */
  run(...argv: readonly string[]): string {
    try {
      return execFileSync('nsenter', [`--net=${this.path}`, '--', ...argv], { encoding: 'utf8', stdio: 'pipe' });
    } catch (error) {
      if (error instanceof Error && 'stdout' in error) return String(error.stdout);
      throw error;
    }
  }

  /** `wg …` as an operator of this host would type it. It knows one place for sockets only. */
  wg(...words: readonly string[]): string {
    const script = 'mount --bind "$1" /var/run/wireguard && shift && exec "$@"';
    return execFileSync('unshare', ['--mount', 'sh', '-c', script, 'sh', this.sockets, 'wg', ...words], {
      encoding: 'utf8',
    });
  }

  /** Index of a device; a device made anew has another. */
  deviceIndex(name = 'flannel-wg'): number {
    return JSON.parse(this.run('ip', '-j', 'link', 'show', name))[0].ifindex;
  }

  /** Ends the engine without a trace of it left in this process, and gives what another one needs to go on. */
  async handOver(fleet: readonly WireguardHost[]): Promise<string> {
    const { keyFile, sockets, path } = this;
    const { engine } = this.desired(fleet.filter((host) => host !== this).map((host) => host.lease()));
    await this.engine.close();
    return JSON.stringify({ keyFile, directory: sockets, namespace: path, wanted: engine });
  }

  async destroy(): Promise<void> {
    await this.#engine?.close();
    for (const name of ['flannel-wg', 'flannel-wg-v6']) {
      await stopWireguardGo(name, this.sockets);
      const control = userSpaceControl(this.sockets);
      await eventually(
        () => control.read(name),
        (device) => device === undefined,
        `${name} goes`,
      );
    }
    ip('netns', 'delete', this.namespace);
    rmSync(this.directory, { recursive: true });
  }

  get #ipv4(): number {
    return required(parseIpv4(`192.0.2.${this.number}`));
  }

  get #ipv6(): bigint {
    return required(parseIpv6(`2001:db8::${this.number}`));
  }
}

/** Waits until `look` gives a value that passes. */
export async function eventually<T>(
  look: () => T | Promise<T>,
  passes: (value: T) => boolean,
  what: string,
): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const value = await look();
    if (passes(value)) return value;
    if (performance.now() > deadline) assert.fail(`${what}: still ${inspect(value)}`);
    await pause(20);
  }
}

function required<T>(value: T | undefined): T {
  assert(value !== undefined);
  return value;
}

function ip(...words: readonly string[]): void {
  execFileSync('ip', words);
}

function batch(namespace: string, lines: readonly string[]): void {
  execFileSync('ip', ['-n', namespace, '-batch', '-'], { input: lines.join('\n') });
}
