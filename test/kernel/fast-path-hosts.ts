/** Two hosts with a Pod each, wired by hand as flannel and a bridge plugin leave them; each in a namespace of its own. */
import { execFileSync } from 'node:child_process';
import { enterNamespace, namespacePath } from '#hosts/namespace.ts';
import type { Ipv4Cidr } from '#model/cidr.ts';
import { parseIpv4Cidr } from '#model/cidr.ts';
import { runCommand } from '#runtime/command.ts';

export interface PathHost {
  readonly namespace: string;
  /** File of the namespace. */
  readonly path: string;
  readonly subnet: Ipv4Cidr;
  readonly address: string;
  readonly pod: PathPod;
  /** A program run on the host; what it prints. */
  run(...argv: readonly string[]): string;
}

export interface PathPod {
  readonly namespace: string;
  readonly address: string;
  run(...argv: readonly string[]): string;
}

export const NETWORK = cidr('10.5.0.0/16');
export const TUNNEL = 'flannel.1';
let made = 0;

export class PathHosts {
  readonly hosts: readonly [PathHost, PathHost];
  readonly #names: readonly string[];

  constructor() {
    made += 1;
    const prefix = `weft-fp-${process.pid}-${made}`;
    this.#names = [1, 2].flatMap((number) => [`${prefix}-h${number}`, `${prefix}-p${number}`]);
    try {
      for (const name of this.#names) ip('netns', 'add', name);
      const [first = '', , second = ''] = this.#names;
      ip('link', 'add', 'eth0', 'netns', first, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', second);
      this.hosts = [makeHost(prefix, 1), makeHost(prefix, 2)];
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    for (const name of this.#names) {
      try {
        ip('netns', 'delete', name);
      } catch {
        // It was never made: what went wrong first is the news.
      }
    }
  }
}

function makeHost(prefix: string, number: 1 | 2): PathHost {
  const peer = 3 - number;
  const [namespace, pod] = [`${prefix}-h${number}`, `${prefix}-p${number}`];
  const [address, podAddress] = [`192.0.2.${number}`, `10.5.${number}.2`];
  const lines = [
    'link set lo up',
    `address add ${address}/24 dev eth0`,
    'link set eth0 up',
    `link add ${TUNNEL} address 02:00:00:00:01:0${number} mtu 1450 type vxlan id 1 dev eth0 local ${address} nolearning dstport 8472`,
    `address add 10.5.${number}.0/32 dev ${TUNNEL}`,
    `link set ${TUNNEL} up`,
    `neighbor add 10.5.${peer}.0 lladdr 02:00:00:00:01:0${peer} dev ${TUNNEL} nud permanent`,
    `route add 10.5.${peer}.0/24 via 10.5.${peer}.0 dev ${TUNNEL} onlink`,
    'link add cni0 mtu 1450 type bridge',
    `address add 10.5.${number}.1/24 dev cni0`,
    'link set cni0 up',
    `link add vpod mtu 1450 type veth peer name eth0 netns ${pod}`,
    'link set vpod master cni0 up',
  ];
  execFileSync('ip', ['-n', namespace, '-batch', '-'], { input: lines.join('\n') });
  const podLines = [
    'link set lo up',
    `address add ${podAddress}/24 dev eth0`,
    'link set eth0 mtu 1450 up',
    `route add default via 10.5.${number}.1`,
  ];
  execFileSync('ip', ['-n', pod, '-batch', '-'], { input: podLines.join('\n') });
  const run = runnerIn(namespace);
  run('bridge', 'fdb', 'add', `02:00:00:00:01:0${peer}`, 'dev', TUNNEL, 'dst', `192.0.2.${peer}`, 'self', 'permanent');
  run('sysctl', '-qw', 'net.ipv4.ip_forward=1');
  return {
    namespace,
    path: namespacePath(namespace),
    subnet: cidr(`10.5.${number}.0/24`),
    address,
    pod: { namespace: pod, address: podAddress, run: runnerIn(pod) },
    run,
  };
}

/** A program run in a namespace by another program; see runCommand. */
export function runIn(namespace: string): typeof runCommand {
  return (command) => runCommand({ ...command, argv: enterNamespace(namespace, command.argv) });
}

function runnerIn(namespace: string): (...argv: readonly string[]) => string {
  return (...argv) => {
    const [program = '', ...words] = enterNamespace(namespace, argv);
    return execFileSync(program, words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  };
}

function ip(...words: readonly string[]): void {
  execFileSync('ip', words, { stdio: ['ignore', 'pipe', 'pipe'] });
}

function cidr(text: string): Ipv4Cidr {
  const parsed = parseIpv4Cidr(text);
  if (parsed === undefined) throw new Error(`${text} is no IPv4 network`);
  return parsed;
}
