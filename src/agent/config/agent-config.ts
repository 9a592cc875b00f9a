/** AgentConfig: everything the operator told the agent, from flags and `FLANNELD_*` variables, checked once at the edge. */
import { type Ipv4, parseIpv4 } from '#model/ipv4.ts';
import { Fault } from '#runtime/fault.ts';
import { describeFlags, type FlagDefinition, type FlagValues, overlayEnvironment, parseGoFlags } from './go-flags.ts';

export interface AgentConfig {
  readonly etcd: {
    readonly endpoints: readonly string[];
    /** Begins with a slash and has none at its end. */
    readonly prefix: string;
    readonly keyFile: string;
    readonly certFile: string;
    readonly caFile: string;
    readonly username: string;
    readonly password: string;
  };
  /** Names or addresses, tried in order; empty: the default route's interface. */
  readonly interfaces: readonly string[];
  readonly publicIp: Ipv4 | undefined;
  readonly subnetFile: string;
  readonly renewMarginMs: number;
  readonly verbose: boolean;
}

export type AgentCommandLine =
  | { readonly type: 'run'; readonly config: AgentConfig }
  | { readonly type: 'version' }
  | { readonly type: 'help'; readonly text: string };

const ENVIRONMENT_PREFIX = 'FLANNELD_';

/** Flags of spec §3.2 that this version implements. */
export const AGENT_FLAGS: readonly FlagDefinition[] = [
  {
    name: 'etcd-endpoints',
    type: 'string',
    default: 'http://127.0.0.1:4001,http://127.0.0.1:2379',
    help: 'comma-separated etcd endpoints',
  },
  { name: 'etcd-prefix', type: 'string', default: '/coreos.com/network', help: 'etcd prefix of the network' },
  { name: 'etcd-keyfile', type: 'string', default: '', help: 'key of the client certificate, PEM' },
  { name: 'etcd-certfile', type: 'string', default: '', help: 'client certificate, PEM' },
  { name: 'etcd-cafile', type: 'string', default: '', help: 'CA that signed the etcd server certificates, PEM' },
  { name: 'etcd-username', type: 'string', default: '', help: 'etcd user' },
  {
    name: 'etcd-password',
    type: 'string',
    default: '',
    help: 'its password; FLANNELD_ETCD_PASSWORD keeps it out of the process list',
  },
  {
    name: 'iface',
    type: 'list',
    default: '',
    help: 'interface (name or address) between the hosts; may be given several times, the first found is used',
  },
  { name: 'public-ip', type: 'string', default: '', help: 'address that the peers reach this host at' },
  {
    name: 'subnet-file',
    type: 'string',
    default: '/run/flannel/subnet.env',
    help: 'file that tells docker and CNI the subnet',
  },
  {
    name: 'subnet-lease-renew-margin',
    type: 'integer',
    default: '60',
    help: 'minutes before its end that the lease is renewed at the latest, 1 to 1439',
  },
  { name: 'v', type: 'integer', default: '0', help: 'log level; 1 and more logs every decision in detail' },
  { name: 'version', type: 'boolean', default: 'false', help: 'print the version and exit' },
  { name: 'help', type: 'boolean', default: 'false', help: 'print this text and exit' },
];

/** Reads the command line of the agent. Throws Fault `usage.flag` or `host.public-ip`. */
export function parseAgentCommandLine(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): AgentCommandLine {
  const words = argv.map((word) => (word === '-h' || word === '--h' ? '-help' : word));
  const values = overlayEnvironment(AGENT_FLAGS, parseGoFlags(AGENT_FLAGS, words), environment, ENVIRONMENT_PREFIX);
  if (text(values, 'help') === 'true') return { type: 'help', text: agentUsage() };
  if (text(values, 'version') === 'true') return { type: 'version' };
  return { type: 'run', config: agentConfig(values) };
}

function agentUsage(): string {
  return `Usage: weft agent [flags]

Leases a Pod subnet from etcd, connects this host with the others and hands the subnet to docker and CNI.
Every flag may also be given as a variable: -etcd-endpoints is FLANNELD_ETCD_ENDPOINTS.

Examples:
  weft agent -etcd-endpoints https://10.0.0.1:2379 -etcd-prefix /kubernetes/network \\
    -etcd-cafile ca.pem -etcd-certfile flanneld.pem -etcd-keyfile flanneld-key.pem
  weft agent -iface eth1 -v 1

Flags:
${describeFlags(AGENT_FLAGS)}
Exit status: 0 stopped by SIGTERM or SIGINT, 1 failure, 2 wrong usage.
`;
}

function agentConfig(values: FlagValues): AgentConfig {
  const minutes = Number(text(values, 'subnet-lease-renew-margin'));
  if (minutes < 1 || minutes > 1439) {
    throw new Fault('usage.flag', {
      what: `-subnet-lease-renew-margin is ${minutes}`,
      why: 'leases live 1440 minutes',
      remedy: 'use 1 to 1439 minutes',
    });
  }
  return {
    etcd: {
      endpoints: endpoints(text(values, 'etcd-endpoints')),
      prefix: `/${text(values, 'etcd-prefix')}`.replaceAll(/\/+/g, '/').replace(/\/$/, ''),
      keyFile: text(values, 'etcd-keyfile'),
      certFile: text(values, 'etcd-certfile'),
      caFile: text(values, 'etcd-cafile'),
      username: text(values, 'etcd-username'),
      password: text(values, 'etcd-password'),
    },
    interfaces: values.get('iface')?.filter((name) => name !== '') ?? [],
    publicIp: publicIp(text(values, 'public-ip')),
    subnetFile: text(values, 'subnet-file'),
    renewMarginMs: minutes * 60_000,
    verbose: Number(text(values, 'v')) >= 1,
  };
}

function text(values: FlagValues, name: string): string {
  return values.get(name)?.at(-1) ?? AGENT_FLAGS.find((flag) => flag.name === name)?.default ?? '';
}

function endpoints(list: string): string[] {
  const found = list
    .split(',')
    .map((endpoint) => endpoint.trim())
    .filter((endpoint) => endpoint !== '');
  for (const endpoint of found) {
    if (URL.parse(endpoint)?.protocol.match(/^https?:$/) == null) {
      throw new Fault('usage.flag', {
        what: `-etcd-endpoints has ${JSON.stringify(endpoint)}`,
        why: 'an endpoint is http://HOST:PORT or https://HOST:PORT',
      });
    }
  }
  if (found.length === 0) throw new Fault('usage.flag', { what: '-etcd-endpoints names no endpoint' });
  return found;
}

function publicIp(address: string): Ipv4 | undefined {
  if (address === '') return undefined;
  const parsed = parseIpv4(address);
  if (parsed === undefined)
    throw new Fault('host.public-ip', {
      what: `invalid public IP address: ${JSON.stringify(address)}`,
      where: '-public-ip',
    });
  return parsed;
}
