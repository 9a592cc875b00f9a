/** A host in memory for tests: files as texts, and the commands that wiring runs, answered as the tools would. */
import { dirname } from 'node:path';
import type { FileContent, Host } from '#hosts/host.ts';
import type { Command, CommandOutput } from '#runtime/command.ts';

export interface MemoryBridge {
  addresses: string[];
  mtu: number;
  ports: string[];
}

/** Docker's answers; undefined: no daemon runs. */
export interface MemoryEngine {
  /** Undefined: docker chose the address of docker0 and does not name it. */
  bip: string | undefined;
  mtu: number | undefined;
  masquerade: boolean;
  containers: string[];
}

export class MemoryMachine implements Host {
  readonly name = 'test';
  readonly files = new Map<string, string>();
  readonly modes = new Map<string, number>();
  /** Command lines that change something, in order. */
  readonly done: string[] = [];
  docker0: MemoryBridge | undefined;
  engine: MemoryEngine | undefined;
  systemd = true;
  /** What `systemctl show` says, by unit: microseconds after boot at which it became active. */
  active: Record<string, number> = {};
  forward: readonly string[] = ['-P FORWARD ACCEPT'];

  async get(path: string): Promise<string | undefined> {
    return this.files.get(path);
  }

  async put({ path, content, mode }: FileContent): Promise<void> {
    this.files.set(path, content);
    this.modes.set(path, mode);
  }

  async run({ argv }: Command): Promise<CommandOutput> {
    const line = argv.join(' ');
    const answer = this.#answer(argv, line);
    if (answer !== undefined) return { code: 0, stdout: answer, stderr: '' };
    return { code: 1, stdout: '', stderr: `${argv[0]} failed` };
  }

  /** Standard output; undefined for a failure. */
  #answer(argv: readonly string[], line: string): string | undefined {
    if (argv[0] === 'ls') return this.#list(argv.at(-1) ?? '');
    if (line.startsWith('test -d /run/systemd')) return this.systemd ? '' : undefined;
    if (line.startsWith('systemctl show')) return this.#show(argv.at(-1) ?? '');
    if (line.startsWith('iptables')) return this.forward.join('\n');
    if (line.startsWith('ip -json address')) return this.docker0 === undefined ? undefined : this.#showBridge();
    if (line.startsWith('ip -json link'))
      return JSON.stringify((this.docker0?.ports ?? []).map((ifname) => ({ ifname, mtu: 1500 })));
    if (line.startsWith('docker network inspect')) return this.#inspect();
    if (line.startsWith('docker ps')) return (this.engine?.containers ?? []).map((name) => `${name}\n`).join('');
    if (argv[0] === 'readlink') return `${argv.at(-1)}\n`;
    if (argv[0] === 'stat') return `${(this.modes.get(argv.at(-1) ?? '') ?? 0o644).toString(8)}\n`;
    this.done.push(line);
    if (argv[0] === 'rm') this.files.delete(argv.at(-1) ?? '');
    if (line === 'ip link delete dev docker0 type bridge') this.docker0 = undefined;
    if (line.startsWith('systemctl stop')) {
      this.engine = undefined;
      this.active = {};
    }
    return '';
  }

  #list(folder: string): string | undefined {
    const names = [...this.files.keys()]
      .filter((path) => dirname(path) === folder)
      .map((path) => path.slice(folder.length + 1));
    return names.length === 0 ? undefined : `${names.join('\n')}\n`;
  }

  #show(unit: string): string {
    const since = this.active[unit];
    return `ActiveState=${since === undefined ? 'inactive' : 'active'}\nActiveEnterTimestampMonotonic=${since ?? 0}\n`;
  }

  #showBridge(): string {
    const { addresses, mtu } = this.docker0 ?? { addresses: [], mtu: 1500 };
    const infos = addresses.map((address) => {
      const [local = '', length = ''] = address.split('/');
      return { family: 'inet', local, prefixlen: Number(length) };
    });
    return JSON.stringify([
      { ifname: 'docker0', mtu, addr_info: [...infos, { family: 'inet6', local: 'fe80::1', prefixlen: 64 }] },
    ]);
  }

  #inspect(): string | undefined {
    if (this.engine === undefined) return undefined;
    const { bip, mtu, masquerade } = this.engine;
    const [gateway = '', length = ''] = (bip ?? '172.17.0.1/16').split('/');
    const subnet = `${gateway.replace(/\d+$/, '0')}/${length}`;
    const options = {
      'com.docker.network.bridge.enable_ip_masquerade': String(masquerade),
      ...(mtu !== undefined && { 'com.docker.network.driver.mtu': String(mtu) }),
    };
    return JSON.stringify({
      IPAM: { Config: [{ Subnet: subnet, ...(bip !== undefined && { Gateway: gateway }) }] },
      Options: options,
    });
  }
}

/** Debian's unit of docker.io, in short. */
export const DOCKER_UNIT = `[Unit]
After=network-online.target docker.socket containerd.service
Requires=docker.socket

[Service]
Type=notify
EnvironmentFile=-/etc/default/docker
# the options of /etc/default/docker
ExecStart=/usr/sbin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock $DOCKER_OPTS
Restart=on-failure
`;

/** An agent's unit that says nothing of docker. */
export const AGENT_UNIT = `[Service]
Type=notify
ExecStart=/usr/local/bin/weftd --etcd-endpoints=https://10.0.0.1:2379
`;

/** That of the guides: it tells docker by itself. */
export const GUIDE_AGENT_UNIT = `[Unit]
Before=docker.service

[Service]
Type=notify
ExecStart=/opt/k8s/bin/flanneld \\
  -etcd-prefix=/kubernetes/network
ExecStartPost=/opt/k8s/bin/mk-docker-opts.sh -k DOCKER_NETWORK_OPTIONS -d /run/flannel/docker

[Install]
RequiredBy=docker.service
`;

/** That of the guides: it takes the options by itself. */
export const GUIDE_DOCKER_UNIT = `[Unit]
After=network-online.target

[Service]
EnvironmentFile=-/run/flannel/docker
ExecStart=/opt/k8s/bin/dockerd $DOCKER_NETWORK_OPTIONS
`;

export const SUBNET_FILE = `FLANNEL_NETWORK=172.30.0.0/16
FLANNEL_SUBNET=172.30.71.1/24
FLANNEL_MTU=1450
FLANNEL_IPMASQ=true
`;

export const PLACES = {
  unitDirectories: ['/etc/systemd/system', '/lib/systemd/system'],
  daemonJson: '/etc/docker/daemon.json',
  optionsFile: '/run/flannel/docker',
  subnetFile: '/run/flannel/subnet.env',
  weft: '/usr/local/bin/weft',
} as const;

export const NAMES = { docker: 'docker.service', agent: undefined } as const;

/** A host with Debian's docker and an agent that has a lease; what is given replaces or, when empty, removes files. */
export function machine(files: Readonly<Record<string, string>> = {}): MemoryMachine {
  const made = new MemoryMachine();
  const all = {
    '/lib/systemd/system/docker.service': DOCKER_UNIT,
    '/etc/systemd/system/weftd.service': AGENT_UNIT,
    [PLACES.subnetFile]: SUBNET_FILE,
    ...files,
  };
  for (const [path, text] of Object.entries(all)) if (text !== '') made.files.set(path, text);
  return made;
}
