/** A host that is a namespace, with the plugin `weft` in this process and containers that are namespaces. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type CniAnswer, CniService } from '#cni/weft/cni-service.ts';
import type { Files } from '#cni/weft/files.ts';
import { HostSide } from '#cni/weft/host-side.ts';
import { createLog } from '#runtime/log.ts';

export const SUBNET_ENV = [
  'FLANNEL_NETWORK=10.5.0.0/16',
  'FLANNEL_SUBNET=10.5.1.1/24',
  'FLANNEL_IPV6_NETWORK=fd00:5::/48',
  'FLANNEL_IPV6_SUBNET=fd00:5:1::1/64',
  'FLANNEL_MTU=1450',
  'FLANNEL_IPMASQ=true',
  '',
].join('\n');

export type Config = Readonly<Record<string, unknown>>;

let count = 0;

export class CniSite {
  readonly name: string;
  readonly folder: string;
  readonly logged: string[] = [];
  readonly host: HostSide;
  service: CniService;
  readonly #namespaces: string[] = [];

  constructor(
    context: TestContext,
    parts: { readonly files?: Files; readonly host?: (path: string) => HostSide } = {},
  ) {
    count += 1;
    this.name = `weft-cni-${process.pid}-${count}`;
    this.folder = mkdtempSync(join(tmpdir(), 'weft-cni-'));
    writeFileSync(this.subnetFile, SUBNET_ENV);
    const namespace = this.#addNamespace(this.name);
    this.host = parts.host?.(namespace) ?? new HostSide(namespace);
    this.service = this.restart(parts.files);
    this.print('link', 'set', 'lo', 'up');
    context.after(() => {
      this.host.close();
      for (const name of this.#namespaces) execFileSync('ip', ['netns', 'delete', name]);
      rmSync(this.folder, { recursive: true });
    });
  }

  get subnetFile(): string {
    return join(this.folder, 'subnet.env');
  }

  /** As an agent that was started again: nothing is known but what is on disk and in the kernel. */
  restart(files?: Files): CniService {
    const write = (line: string): void => void this.logged.push(line);
    const log = createLog({ verbose: true, journal: false, write, now: () => 0 });
    this.service = new CniService({
      subnetFile: this.subnetFile,
      log,
      host: this.host,
      ...(files !== undefined && { files }),
    });
    return this.service;
  }

  /** A namespace for a container; its path. */
  container(number: number): string {
    return this.#addNamespace(`${this.name}-c${number}`);
  }

  removeContainer(number: number): void {
    const name = `${this.name}-c${number}`;
    this.#namespaces.splice(this.#namespaces.indexOf(name), 1);
    execFileSync('ip', ['netns', 'delete', name]);
  }

  config(more: Config = {}): string {
    return JSON.stringify({
      cniVersion: '1.0.0',
      name: 'net',
      type: 'weft',
      dataDir: join(this.folder, 'records'),
      ...more,
      ipam: { dataDir: join(this.folder, 'addresses'), ...ipamOf(more) },
    });
  }

  /** Asks for container `c<number>` in its namespace. */
  ask(
    command: string,
    number: number,
    more: Config = {},
    variables: Readonly<Record<string, string>> = {},
  ): Promise<CniAnswer> {
    const environment = {
      CNI_COMMAND: command,
      CNI_CONTAINERID: `c${number}`,
      CNI_NETNS: `/run/netns/${this.name}-c${number}`,
      CNI_IFNAME: 'eth0',
      CNI_PATH: '/opt/cni/bin',
      ...variables,
    };
    return this.service.serve(environment, this.config(more));
  }

  /** What `ip` prints of the host. */
  print(...words: readonly string[]): string {
    return execFileSync('ip', ['-n', this.name, ...words], { encoding: 'utf8' });
  }

  /** What `ip` prints of a container. */
  inside(number: number, ...words: readonly string[]): string {
    return execFileSync('ip', ['-n', `${this.name}-c${number}`, ...words], { encoding: 'utf8' });
  }

  rules(tool: 'iptables' | 'ip6tables' = 'iptables'): string {
    return execFileSync('nsenter', [`--net=/run/netns/${this.name}`, `${tool}-save`, '-t', 'nat'], {
      encoding: 'utf8',
    });
  }

  /** Addresses that are given, and records, by the names of their files. */
  files(): { readonly addresses: readonly string[]; readonly records: readonly string[] } {
    const names = (path: string): readonly string[] => {
      try {
        return readdirSync(join(this.folder, path)).sort();
      } catch {
        return [];
      }
    };
    return {
      addresses: names('addresses/net').filter((name) => /^(10\.|fd)/.test(name)),
      records: names('records/net'),
    };
  }

  /** Names of the host's ends of cables. */
  cables(): readonly string[] {
    return [...this.print('-br', 'link', 'show', 'type', 'veth').matchAll(/^(veth\w+)/gm)].map(([name]) => name);
  }

  #addNamespace(name: string): string {
    execFileSync('ip', ['netns', 'add', name]);
    this.#namespaces.push(name);
    return `/run/netns/${name}`;
  }
}

function ipamOf({ ipam }: Config): object {
  return typeof ipam === 'object' && ipam !== null ? ipam : {};
}
