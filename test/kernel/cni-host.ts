/**
 * A host with CNI plugins: a namespace with a folder of plugins (ours by the launcher, Debian's behind it), a subnet file and
 * containers that are namespaces. Does what a runtime does, and knows what is left behind.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

export type JsonObject = { readonly [name: string]: unknown };

export interface PluginAnswer {
  readonly code: number | null;
  /** What was printed, as JSON; empty for nothing. */
  readonly answer: JsonObject;
  readonly err: string;
}

export interface PluginCall {
  readonly id?: string;
  readonly ifname?: string;
  /** Name of a container's namespace. */
  readonly netns?: string | undefined;
  /** On top of the plugin's configuration. */
  readonly config?: object;
  readonly type?: string;
}

const LAUNCHER = join(import.meta.dirname, '../../bin/weft');
export const DEBIAN_PLUGINS = '/usr/lib/cni';

const SETTLE_MS = 30_000;

let count = 0;

export class CniHost {
  readonly name: string;
  readonly folder: string;
  readonly subnetFile: string;
  readonly bin: string;
  readonly #containers = new Set<string>();

  constructor(t: TestContext, subnets: readonly string[] = ['10.5.17']) {
    count += 1;
    this.name = `weft-cni-${process.pid}-${count}`;
    this.folder = mkdtempSync(join(tmpdir(), 'weft-cni-host-'));
    this.subnetFile = join(this.folder, 'subnet.env');
    this.bin = join(this.folder, 'bin');
    ip('netns', 'add', this.name);
    t.after(() => {
      for (const container of this.#containers) this.removeContainer(container);
      ip('netns', 'delete', this.name);
      rmSync(this.folder, { recursive: true });
    });
    ip('-n', this.name, 'link', 'set', 'lo', 'up');
    mkdirSync(this.bin);
    symlinkSync(LAUNCHER, join(this.bin, 'flannel'));
    for (const plugin of ['bridge', 'host-local', 'portmap'])
      symlinkSync(join(DEBIAN_PLUGINS, plugin), join(this.bin, plugin));
    this.writeSubnet(subnets[0] ?? '');
  }

  /** `10.5.17` is 10.5.17.0/24. */
  writeSubnet(prefix: string, length = 24): void {
    const lines = [
      'FLANNEL_NETWORK=10.5.0.0/16',
      `FLANNEL_SUBNET=${prefix}.1/${length}`,
      'FLANNEL_MTU=1450',
      'FLANNEL_IPMASQ=true',
      '',
    ];
    writeFileSync(this.subnetFile, lines.join('\n'));
  }

  addContainer(name: string): string {
    const container = `${this.name}-${name}`;
    ip('netns', 'add', container);
    this.#containers.add(container);
    return container;
  }

  removeContainer(container: string): void {
    if (this.#containers.delete(container)) ip('netns', 'delete', container);
  }

  containers(): readonly string[] {
    return [...this.#containers];
  }

  /** Until the kernel has taken apart the namespaces that were removed, which it does later, and their devices with them. */
  async settle(): Promise<void> {
    const deadline = performance.now() + SETTLE_MS;
    while (this.devices().length > 0 && performance.now() < deadline) await pause(20);
  }

  /** The plugin's own configuration. */
  config(more: object = {}): JsonObject {
    return {
      cniVersion: '1.0.0',
      name: 'cbr0',
      type: 'flannel',
      subnetFile: this.subnetFile,
      dataDir: join(this.folder, 'state'),
      ipam: { dataDir: join(this.folder, 'addresses') },
      delegate: { hairpinMode: true, isDefaultGateway: true },
      ...more,
    };
  }

  call(
    command: string,
    { id = 'c1', ifname = 'eth0', netns, config = {}, type = 'flannel' }: PluginCall,
  ): Promise<PluginAnswer> {
    const child = spawn('nsenter', [`--net=/run/netns/${this.name}`, '--', join(this.bin, type)], {
      env: {
        PATH: process.env['PATH'],
        CNI_COMMAND: command,
        CNI_CONTAINERID: id,
        CNI_NETNS: netns === undefined ? '' : `/run/netns/${netns}`,
        CNI_IFNAME: ifname,
        CNI_PATH: this.bin,
      },
    });
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk) => {
      out += chunk;
    });
    child.stderr.on('data', (chunk) => {
      err += chunk;
    });
    child.stdin.on('error', () => {});
    child.stdin.end(JSON.stringify(this.config(config)));
    return new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code) => {
        try {
          resolve({ code, answer: out === '' ? {} : JSON.parse(out), err });
        } catch {
          reject(new Error(`${command} printed no JSON: ${out}${err}`));
        }
      });
    });
  }

  /** For a call that has to succeed. */
  async mustCall(command: string, call: PluginCall): Promise<JsonObject> {
    const { code, answer, err } = await this.call(command, call);
    assert.equal(code, 0, `${command}: ${JSON.stringify(answer)} ${err}`);
    return answer;
  }

  /** Devices of the host but the loopback and the bridge. */
  devices(): readonly string[] {
    const links: readonly { readonly ifname: string }[] = JSON.parse(ip('-n', this.name, '-j', 'link', 'show'));
    return links.map(({ ifname }) => ifname).filter((name) => name !== 'lo' && name !== 'cni0');
  }

  /** Addresses that host-local holds. */
  addresses(): readonly string[] {
    return listing(join(this.folder, 'addresses/cbr0')).filter((name) => /^[\d.]+$/.test(name));
  }

  states(): readonly string[] {
    return listing(join(this.folder, 'state'));
  }
}

/** `ip` with these words; its output. */
export function ip(...words: readonly string[]): string {
  return execFileSync('ip', words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

function listing(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}
