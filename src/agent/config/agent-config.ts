/** AgentConfig: everything the operator told the agent, from flags and `FLANNELD_*` variables, checked once at the edge. */
import type { EtcdApiOption } from '#agent/leases/choose-api.ts';
import { cleanEtcdPrefix } from '#model/etcd-prefix.ts';
import { Fault } from '#runtime/fault.ts';
import { AGENT_FLAGS, agentUsage, ENVIRONMENT_PREFIX } from './agent-flags.ts';
import type { UnderlayWish } from './choose-underlay.ts';
import { parseInterfacePattern } from './choose-underlay-pattern.ts';
import { FlagReader } from './flag-values.ts';
import { describeFlags, overlayEnvironment, parseGoFlags } from './go-flags.ts';

export interface AgentConfig extends UnderlayWish {
  readonly etcd: EtcdConfig;
  /** Undefined: leases are in etcd. */
  readonly kube: KubeConfig | undefined;
  readonly traffic: TrafficConfig;
  /** Whether packets to Pods of ours that are no more are dropped here. */
  readonly blackhole: boolean;
  readonly fastPath: FastPathOption;
  /** Where health checks are answered; undefined: nowhere. */
  readonly health: HealthConfig | undefined;
  /** Where the agent can be asked how it is; empty: nowhere. */
  readonly controlSocket: string;
  readonly subnetFile: string;
  /** What tells this machine from a clone of it; empty: nothing does. */
  readonly machineIdFile: string;
  /** What is known is kept there for a start without the store; undefined: nowhere. */
  readonly cacheFile: string | undefined;
  /** Whether another subnet may take the place of one that another host has leased. */
  readonly acceptNewSubnet: boolean;
  /** Time between two sweeps in milliseconds; 0: none. */
  readonly sweepMs: number;
  readonly manageSysctls: boolean;
  readonly renewMarginMs: number;
  readonly withdraw: WithdrawConfig;
  readonly verbose: boolean;
  /** What the operator should know about the command line, a sentence each. */
  readonly notes: readonly string[];
}

export interface EtcdConfig {
  readonly endpoints: readonly string[];
  /** Cleaned; with a slash in front only if it was given with one. */
  readonly prefix: string;
  readonly api: EtcdApiOption;
  readonly keyFile: string;
  readonly certFile: string;
  readonly caFile: string;
  readonly username: string;
  readonly password: string;
}

/** The Kubernetes subnet manager; texts that were not given are empty. */
export interface KubeConfig {
  readonly apiUrl: string;
  readonly kubeconfigFile: string;
  /** As given; see spec §7.2 for how it is completed. */
  readonly annotationPrefix: string;
  readonly networkFile: string;
  readonly setNodeNetworkUnavailable: boolean;
}

/** As DesiredFirewall has them. */
export interface TrafficConfig {
  readonly masquerade: boolean;
  readonly fullyRandom: boolean;
  readonly forward: boolean;
  readonly compatNft: boolean;
  readonly resyncMs: number;
}

/** When peers whose keys are gone are withdrawn, as WithdrawRules has them. */
export interface WithdrawConfig {
  readonly graceMs: number;
  readonly limitPercent: number;
  readonly holdMs: number;
}

export interface HealthConfig {
  /** Empty: all addresses. */
  readonly ip: string;
  readonly port: number;
}

export type AgentCommandLine =
  | { readonly type: 'run'; readonly config: AgentConfig }
  | { readonly type: 'version' }
  | { readonly type: 'help'; readonly text: string };

/** Whether Pod to Pod traffic may go past the bridge and the firewall (agent/fast-path/). */
export type FastPathOption = 'off' | 'bpf';

const FAST_PATHS: readonly FastPathOption[] = ['off', 'bpf'];
const ETCD_APIS: readonly EtcdApiOption[] = ['auto', 'v3', 'v2'];
const LEASE_MINUTES = 1440;
const LONGEST_RESYNC_SECONDS = 24 * 3600;
const LONGEST_WAIT_SECONDS = 7 * 24 * 3600;

/** Reads the command line of the agent. Throws Fault `usage.flag` or `host.public-ip`. */
export function parseAgentCommandLine(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): AgentCommandLine {
  const words = argv.map((word) => (word === '-h' || word === '--h' ? '-help' : word));
  const given = parseGoFlags(AGENT_FLAGS, words);
  const flags = new FlagReader(AGENT_FLAGS, overlayEnvironment(AGENT_FLAGS, given, environment, ENVIRONMENT_PREFIX));
  if (flags.boolean('help')) return { type: 'help', text: agentUsage(describeFlags(AGENT_FLAGS)) };
  if (flags.boolean('version')) return { type: 'version' };
  const notes = notesOn(flags, words, given.has('etcd-password'));
  return { type: 'run', config: { ...agentConfig(flags), notes } };
}

function agentConfig(flags: FlagReader): Omit<AgentConfig, 'notes'> {
  const minutes = flags.wholeNumber('subnet-lease-renew-margin', {
    from: 1,
    to: LEASE_MINUTES - 1,
    why: `leases live ${LEASE_MINUTES} minutes`,
  });
  const sweepSeconds = flags.wholeNumber('sweep-seconds', {
    from: 0,
    to: LONGEST_RESYNC_SECONDS,
    why: 'it is a number of seconds, or 0 for never',
  });
  return {
    etcd: etcdConfig(flags),
    kube: flags.boolean('kube-subnet-mgr') ? kubeConfig(flags) : undefined,
    traffic: trafficConfig(flags),
    health: healthConfig(flags),
    interfaces: flags.texts('iface'),
    interfacePatterns: flags.texts('iface-regex').map(parseInterfacePattern),
    canReach: flags.address('iface-can-reach'),
    publicIp: flags.publicIpv4('public-ip', 'public-ipv6'),
    publicIpv6: flags.publicIpv6('public-ipv6', 'public-ip'),
    blackhole: flags.boolean('ip-blackhole-route'),
    fastPath: flags.oneOf('fast-path', FAST_PATHS),
    controlSocket: flags.text('control-socket'),
    subnetFile: flags.path('subnet-file'),
    machineIdFile: flags.text('machine-id-file'),
    cacheFile: flags.text('cache-file') || undefined,
    acceptNewSubnet: flags.boolean('accept-new-subnet'),
    sweepMs: sweepSeconds * 1000,
    manageSysctls: flags.boolean('manage-sysctls'),
    renewMarginMs: minutes * 60_000,
    withdraw: withdrawConfig(flags),
    verbose: Number(flags.text('v')) >= 1,
  };
}

function etcdConfig(flags: FlagReader): EtcdConfig {
  const keyFile = flags.text('etcd-keyfile');
  const certFile = flags.text('etcd-certfile');
  if ((keyFile === '') !== (certFile === '')) {
    const missing = keyFile === '' ? '-etcd-keyfile' : '-etcd-certfile';
    throw new Fault('usage.flag', {
      what: `${missing} is missing: -etcd-certfile and -etcd-keyfile go together`,
      remedy: 'give both or neither',
    });
  }
  return {
    endpoints: flags.urls('etcd-endpoints'),
    prefix: cleanEtcdPrefix(flags.text('etcd-prefix')),
    api: flags.oneOf('etcd-api', ETCD_APIS),
    keyFile,
    certFile,
    caFile: flags.text('etcd-cafile'),
    username: flags.text('etcd-username'),
    password: flags.secretFile('etcd-password-file') ?? flags.text('etcd-password'),
  };
}

function kubeConfig(flags: FlagReader): KubeConfig {
  return {
    apiUrl: flags.url('kube-api-url'),
    kubeconfigFile: flags.text('kubeconfig-file'),
    annotationPrefix: flags.text('kube-annotation-prefix'),
    networkFile: flags.path('net-config-path'),
    setNodeNetworkUnavailable: flags.boolean('set-node-network-unavailable'),
  };
}

function trafficConfig(flags: FlagReader): TrafficConfig {
  const resyncSeconds = flags.wholeNumber('iptables-resync', {
    from: 1,
    to: LONGEST_RESYNC_SECONDS,
    why: 'it is a number of seconds',
  });
  return {
    masquerade: flags.boolean('ip-masq'),
    fullyRandom: !flags.boolean('ip-masq-fully-random-disable'),
    forward: flags.boolean('iptables-forward-rules'),
    compatNft: flags.boolean('compat-nft'),
    resyncMs: resyncSeconds * 1000,
  };
}

function withdrawConfig(flags: FlagReader): WithdrawConfig {
  const seconds = { from: 0, to: LONGEST_WAIT_SECONDS, why: 'it is a number of seconds' };
  const percentage = { from: 0, to: 100, why: 'it is a percentage' };
  return {
    graceMs: flags.wholeNumber('withdraw-grace', seconds) * 1000,
    limitPercent: flags.wholeNumber('withdraw-limit', percentage),
    holdMs: flags.wholeNumber('withdraw-hold', seconds) * 1000,
  };
}

function healthConfig(flags: FlagReader): HealthConfig | undefined {
  const port = flags.wholeNumber('healthz-port', { from: 0, to: 65_535, why: 'it is a TCP port, or 0 for none' });
  const ip = flags.listenAddress('healthz-ip');
  return port === 0 ? undefined : { ip, port };
}

function notesOn(flags: FlagReader, words: readonly string[], passwordInArgv: boolean): string[] {
  const notes: string[] = [];
  if (passwordInArgv) notes.push('-etcd-password on the command line can be read by every user of this host');
  for (const name of ['vmodule', 'log_backtrace_at']) {
    if (flags.text(name) !== '') notes.push(`-${name} has no effect`);
  }
  // systemd makes an empty word of ${VARIABLE} when there is none, at which flannel stops reading.
  if (words.includes(''))
    notes.push('the command line has an empty word, which is passed over: a variable that is not set?');
  return notes;
}
