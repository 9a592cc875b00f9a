/** Every flag of the agent: flannel's (spec §3.2) with its names and defaults, and ours. */
import type { FlagDefinition } from './go-flags.ts';

export const AGENT_FLAGS: readonly FlagDefinition[] = [
  {
    name: 'etcd-endpoints',
    type: 'string',
    default: 'http://127.0.0.1:4001,http://127.0.0.1:2379',
    help: 'comma-separated etcd endpoints',
  },
  { name: 'etcd-prefix', type: 'string', default: '/coreos.com/network', help: 'etcd prefix of the network' },
  {
    name: 'etcd-api',
    type: 'string',
    default: 'auto',
    help: 'API that holds the network: v3, v2 (flannel up to 0.17), or auto: where one is found',
  },
  { name: 'etcd-keyfile', type: 'string', default: '', help: 'key of the client certificate, PEM' },
  { name: 'etcd-certfile', type: 'string', default: '', help: 'client certificate, PEM' },
  { name: 'etcd-cafile', type: 'string', default: '', help: 'CA that signed the etcd server certificates, PEM' },
  { name: 'etcd-username', type: 'string', default: '', help: 'etcd user' },
  {
    name: 'etcd-password',
    type: 'string',
    default: '',
    help: 'its password. On the command line every user of this host can read it: use FLANNELD_ETCD_PASSWORD or -etcd-password-file',
  },
  {
    name: 'etcd-password-file',
    type: 'string',
    default: '',
    help: 'file that holds the password; wins over -etcd-password',
  },
  {
    name: 'iface',
    type: 'list',
    default: '',
    help: 'interface (name or address) between the hosts; may be given several times, the first found is used. Without any of the -iface flags: the one that has -public-ip or -public-ipv6, else that of the default route',
  },
  {
    name: 'iface-regex',
    type: 'list',
    default: '',
    help: 'pattern for an address or else the name of that interface, tried after -iface; may be given several times',
  },
  {
    name: 'iface-can-reach',
    type: 'string',
    default: '',
    help: 'use the interface over which this address is reached; tried after -iface and -iface-regex',
  },
  { name: 'public-ip', type: 'string', default: '', help: 'IPv4 address that the peers reach this host at' },
  { name: 'public-ipv6', type: 'string', default: '', help: 'IPv6 address that the peers reach this host at' },
  {
    name: 'subnet-file',
    type: 'string',
    default: '/run/flannel/subnet.env',
    help: 'file that tells docker and CNI the subnet',
  },
  {
    name: 'machine-id-file',
    type: 'string',
    default: '/etc/machine-id',
    help: 'file that tells this machine from a clone of it with the same address; empty: clones are not looked for',
  },
  {
    name: 'cache-file',
    type: 'string',
    default: '/var/lib/weft/agent-cache.json',
    help: 'file that keeps lease and peers for a start while etcd is down; empty for none',
  },
  {
    name: 'accept-new-subnet',
    type: 'boolean',
    default: 'false',
    help: 'when another host has leased the subnet of this one, take a new subnet instead of holding on to it; Pods must be restarted then',
  },
  {
    name: 'subnet-lease-renew-margin',
    type: 'integer',
    default: '60',
    help: 'minutes before its end that the lease is renewed at the latest, 1 to 1439',
  },
  {
    name: 'withdraw-grace',
    type: 'integer',
    default: '3',
    help: 'seconds that a peer stays connected after its key is gone, for its owner to claim it again; 0 for none, as flannel',
  },
  {
    name: 'withdraw-limit',
    type: 'integer',
    default: '30',
    help: 'percentage of the peers: when more are gone within the grace, and three at least, they are held and not withdrawn; 100 for never',
  },
  {
    name: 'withdraw-hold',
    type: 'integer',
    default: '3600',
    help: 'seconds that peers are held at most; SIGHUP withdraws them at once',
  },
  {
    name: 'ip-masq',
    type: 'boolean',
    default: 'false',
    help: 'masquerade what Pods send to outside of the network',
  },
  {
    name: 'ip-masq-fully-random-disable',
    type: 'boolean',
    default: 'false',
    help: 'masquerade without choosing source ports fully at random',
  },
  {
    name: 'iptables-forward-rules',
    type: 'boolean',
    default: 'true',
    help: 'accept forwarding from and to the network whatever the policy of the chain is',
  },
  {
    name: 'iptables-resync',
    type: 'integer',
    default: '5',
    help: 'seconds after which changed rules are put right at the latest; changes that the kernel tells of are put right at once',
  },
  {
    name: 'compat-nft',
    type: 'boolean',
    default: 'false',
    help: 'in nftables mode, word the fourth masquerade rule as flannel 0.28 does, although it never matches',
  },
  {
    name: 'ip-blackhole-route',
    type: 'boolean',
    default: 'false',
    help: 'drop what is sent to Pods of this host that are no more, by a blackhole route for the subnet',
  },
  {
    name: 'sweep-seconds',
    type: 'integer',
    default: '60',
    help: 'seconds between two looks at everything, for damage that no event announced; longer where a look takes long; 0 for never',
  },
  {
    name: 'manage-sysctls',
    type: 'boolean',
    default: 'true',
    help: 'switch forwarding on, and back on, in the families that the network has; with IPv6 also accept_ra=2 where the default route comes from a router',
  },
  {
    name: 'fast-path',
    type: 'string',
    default: 'off',
    help: 'bpf: Pods send to Pods of other hosts past the bridge and the FORWARD rules, where nothing stands against it (vxlan, IPv4); off',
  },
  {
    name: 'kube-subnet-mgr',
    type: 'boolean',
    default: 'false',
    help: 'keep leases as annotations of the nodes of Kubernetes instead of in etcd',
  },
  {
    name: 'kube-api-url',
    type: 'string',
    default: '',
    help: 'URL of the Kubernetes API server; without it and -kubeconfig-file: that of the cluster this runs in',
  },
  { name: 'kubeconfig-file', type: 'string', default: '', help: 'kubeconfig file with that URL and credentials' },
  {
    name: 'kube-annotation-prefix',
    type: 'string',
    default: 'flannel.alpha.coreos.com',
    help: 'prefix of the annotations',
  },
  {
    name: 'net-config-path',
    type: 'string',
    default: '/etc/kube-flannel/net-conf.json',
    help: 'file with the network configuration, used with -kube-subnet-mgr',
  },
  {
    name: 'set-node-network-unavailable',
    type: 'boolean',
    default: 'true',
    help: 'clear the NetworkUnavailable condition of the node when the network is up',
  },
  { name: 'healthz-ip', type: 'string', default: '0.0.0.0', help: 'address to answer health checks at' },
  {
    name: 'healthz-port',
    type: 'integer',
    default: '0',
    help: 'port to answer /healthz and /readyz at; 0 for none',
  },
  {
    name: 'control-socket',
    type: 'string',
    default: '/run/weft/agent.sock',
    help: 'unix socket, for root alone, at which weft status asks the agent; empty for none',
  },
  { name: 'v', type: 'integer', default: '0', help: 'log level; 1 and more logs every decision in detail' },
  { name: 'vmodule', type: 'string', default: '', help: 'accepted for flannel, without effect' },
  { name: 'log_backtrace_at', type: 'string', default: '', help: 'accepted for flannel, without effect' },
  { name: 'version', type: 'boolean', default: 'false', help: 'print the version and exit', commandLineOnly: true },
  { name: 'help', type: 'boolean', default: 'false', help: 'print this text and exit', commandLineOnly: true },
];

export const ENVIRONMENT_PREFIX = 'FLANNELD_';

/** What `-h` prints. */
export function agentUsage(flags: string): string {
  return `Usage: weft agent [flags]

Leases a Pod subnet from etcd, connects this host with the others and hands the subnet to docker and CNI.
Every flag may also be given as a variable: -etcd-endpoints is FLANNELD_ETCD_ENDPOINTS.

Examples:
  weft agent -etcd-endpoints https://10.0.0.1:2379 -etcd-prefix /kubernetes/network \\
    -etcd-cafile ca.pem -etcd-certfile flanneld.pem -etcd-keyfile flanneld-key.pem
  weft agent -iface eth1 -v 1

Flags:
${flags}
Signals: SIGTERM and SIGINT stop the agent and leave interfaces, routes and lease. SIGHUP looks at everything again and
withdraws the peers that are held.
Exit status: 0 stopped by SIGTERM or SIGINT, 1 failure, 2 wrong usage, 3 cannot reach what it needs.
`;
}
