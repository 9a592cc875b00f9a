/**
 * Every fault code there is, with its title, exit code and default remedy. `docs/faults.md` is generated from this table.
 * A code is an interface: scripts match on it, so it is never renamed.
 */
export interface FaultEntry {
  readonly title: string;
  /** 1 a finding or failure, 2 wrong usage, 3 cannot reach what it needs. */
  readonly exit: 1 | 2 | 3;
  readonly remedy: string;
}

function entry(title: string, exit: 1 | 2 | 3, remedy: string): FaultEntry {
  return { title, exit, remedy };
}

export const FAULTS = {
  'usage.flag': entry('A flag or argument is wrong', 2, 'see --help'),
  'usage.not-root': entry('The command needs root', 2, 'run it as root (sudo)'),

  'etcd.dns': entry("The endpoint's name does not resolve", 3, 'check the host name in the endpoint and the resolver'),
  'etcd.tcp': entry(
    'No TCP connection to the endpoint',
    3,
    'check that etcd runs there, the port, and firewalls between',
  ),
  'etcd.tls.untrusted': entry(
    "The server's certificate is not signed by the given CA",
    3,
    'give the CA that signed the etcd server certificates (-etcd-cafile)',
  ),
  'etcd.tls.name': entry(
    "The server's certificate is for another name",
    3,
    'use an endpoint that is among its names, or issue a certificate that has this one',
  ),
  'etcd.tls.expired': entry(
    'A certificate is expired or not yet valid',
    3,
    'renew the certificate; compare the clocks',
  ),
  'etcd.tls.client': entry(
    'etcd refuses the client certificate or wants one',
    3,
    'give a client certificate and key signed by the CA that etcd trusts',
  ),
  'etcd.tls.file': entry('A certificate or key file cannot be used', 2, 'check the path, the mode and that it is PEM'),
  'etcd.tls.handshake': entry(
    'The TLS handshake failed',
    3,
    'check that the endpoint speaks TLS (http:// or https://)',
  ),
  'etcd.auth': entry('etcd refuses the user', 3, "check the user, the password and the role's key range"),
  'etcd.timeout': entry('etcd did not answer in time', 3, 'check the health of the members: etcdctl endpoint status'),
  'etcd.unavailable': entry('etcd has no leader or is shutting down', 3, 'check that a majority of the members is up'),
  'etcd.refused': entry('etcd refused the request', 1, "read etcd's own words in the message"),
  'etcd.compacted': entry('The revision asked for is compacted away', 1, 'list again and watch from the new revision'),
  'etcd.protocol': entry('The answer is not what etcd sends', 3, 'check that the endpoint is an etcd v3 client URL'),

  'kube.config': entry(
    'The access to Kubernetes is not given, or wrongly',
    2,
    'check -kubeconfig-file and -kube-api-url, or the service account of the Pod',
  ),
  'kube.environment': entry(
    'The name of the node is not known',
    2,
    'set NODE_NAME, or POD_NAME and POD_NAMESPACE (fieldRef in the manifest)',
  ),
  'kube.dns': entry("The API server's name does not resolve", 3, 'check the host name in the URL and the resolver'),
  'kube.tcp': entry(
    'No TCP connection to the API server',
    3,
    'check that it runs there, the port, and firewalls between; in a Pod: kube-proxy on this host',
  ),
  'kube.tls.untrusted': entry(
    "The API server's certificate is not signed by the given CA",
    3,
    'give the CA of the cluster (certificate-authority in the kubeconfig, ca.crt of the service account)',
  ),
  'kube.tls.name': entry(
    "The API server's certificate is for another name",
    3,
    'use a URL that is among its names, or set tls-server-name in the kubeconfig',
  ),
  'kube.tls.expired': entry(
    'A certificate is expired or not yet valid',
    3,
    'renew the certificate (kubeadm certs renew); compare the clocks',
  ),
  'kube.tls.client': entry(
    'The API server refuses the client certificate',
    3,
    'give a client certificate and key signed by the CA of the cluster',
  ),
  'kube.tls.file': entry('A certificate or key cannot be used', 2, 'check the path, the mode and that it is PEM'),
  'kube.tls.handshake': entry(
    'The TLS handshake with the API server failed',
    3,
    'check that the URL is the one of the API server (http:// or https://)',
  ),
  'kube.unauthorized': entry(
    'The API server does not know who we are',
    3,
    'check that the token or the client certificate is of this cluster and not expired',
  ),
  'kube.forbidden': entry(
    'The API server does not permit the request',
    3,
    'give the service account the rights of the flannel manifest: pods get; nodes get, list, watch; nodes/status patch',
  ),
  'kube.not-found': entry('The API server has no such object', 1, 'check the name'),
  'kube.timeout': entry('The API server did not answer in time', 3, 'check its health: kubectl get --raw /readyz'),
  'kube.unavailable': entry('The API server cannot serve now', 3, 'check its health: kubectl get --raw /readyz'),
  'kube.expired': entry('The API server no longer has what happened since', 1, 'list again and watch from there'),
  'kube.refused': entry('The API server refused the request', 1, "read the server's own words in the message"),
  'kube.protocol': entry(
    'The answer is not what an API server sends',
    3,
    'check that the URL is the one of the API server',
  ),
  'kube.pod-cidr': entry(
    'The podCIDR of the node cannot be used',
    1,
    'check --cluster-cidr and --allocate-node-cidrs of the controller manager, or spec.podCIDR of the node',
  ),
  'kube.annotation': entry(
    'An annotation of the node cannot be used',
    1,
    'correct or remove it: kubectl annotate node',
  ),

  'network.missing': entry('There is no network configuration', 1, 'write one: weft network set FILE'),
  'network.invalid': entry(
    'The network configuration is not valid',
    1,
    'correct the fields named and run weft network check',
  ),
  'network.exists': entry('Another network configuration is in place', 1, 'look at it first, then use --replace'),
  'network.changed': entry('The network configuration was written meanwhile', 1, 'look at it again: weft network get'),
  'network.contradiction': entry(
    'The networks in etcd v2 and v3 contradict each other',
    1,
    'settle what is named (weft lease list --etcd-api v2, weft lease release), then run it again',
  ),
  'network.unreadable': entry('The file with the configuration cannot be read', 2, 'check the path'),

  'lease.network-full': entry(
    'Every subnet of the network is leased',
    1,
    'release leases of hosts that are gone (weft lease list), or use a larger Network or SubnetLen',
  ),
  'lease.lost': entry(
    'The own lease is owned by somebody else now',
    1,
    'see weft lease list; restart the agent to lease anew',
  ),
  'lease.clone': entry(
    'Another machine has the address of this host',
    1,
    'give this host an address of its own; on a copy of a disk also: rm /etc/machine-id && systemd-machine-id-setup; then restart the agent',
  ),
  'lease.contested': entry(
    'The subnet that this host uses is leased to another host',
    1,
    'see weft lease list; release the other lease to keep the subnet, or move: drain this host and restart the agent once with -accept-new-subnet',
  ),
  'lease.record': entry(
    'A record under the prefix cannot be used',
    1,
    'see weft lease list; delete or correct that key',
  ),
  'lease.exists': entry('The subnet is leased already', 1, 'choose another subnet or release that one'),
  'lease.changed': entry('The lease was written meanwhile', 1, 'look at it again: weft lease list'),
  'lease.misfit': entry('The subnet is not one of the network', 1, 'choose one that weft network check allows'),
  'lease.missing': entry('No such lease', 1, 'see weft lease list'),

  'cache.version': entry(
    'The cache was written by another version of the program',
    1,
    'nothing, when the store can be reached: it is written anew; else start the version that wrote it',
  ),
  'cache.damaged': entry(
    'The cache cannot be read',
    1,
    'nothing, when the store can be reached: it is written anew; check the disk if it happens again',
  ),
  'cache.foreign': entry(
    'The cache is of another network or another machine',
    1,
    'give each agent a -cache-file of its own; remove the file from a cloned disk',
  ),
  'cache.rights': entry(
    'Others may have written the cache',
    1,
    'remove the file, or give it to root with mode 0600; it is written anew when the store can be reached',
  ),
  'cache.write': entry(
    'The cache cannot be written',
    1,
    'check the space left and the rights of its folder, or name another file with -cache-file; it is tried again',
  ),

  'host.no-interface': entry('No interface to use for the fabric', 1, 'name one with -iface'),
  'host.underlay': entry(
    'The interface cannot carry this backend',
    1,
    'name another interface with -iface, or choose another backend in the network configuration',
  ),
  'host.public-ip': entry('The public address cannot be used', 2, 'give an IPv4 address that the peers can reach'),
  'host.file': entry('A file on a host cannot be written or read', 1, 'check the path, the rights and the space left'),
  'host.subnet-file': entry('The subnet file cannot be written or read', 1, 'check the path and the rights'),
  'host.health-port': entry(
    'The port for health checks cannot be used',
    1,
    'find who has it (ss -tlnp), or give another -healthz-ip or -healthz-port; port 0 turns the checks off',
  ),

  'agent.not-running': entry(
    'No agent answers on this host',
    1,
    'start it: systemctl start weftd; journalctl -u weftd -n 30 tells why it ended',
  ),
  'agent.control-socket': entry(
    'The control socket cannot be opened',
    1,
    'stop the other agent, or give another path: -control-socket; systemctl reload weftd tries it again',
  ),
  'agent.request': entry(
    'The agent does not understand the request',
    1,
    'use the weft that the agent runs from (weft version): another version may ask for what it does not have',
  ),
  'agent.answer': entry(
    'The answer of the agent cannot be read',
    1,
    'use the weft that the agent runs from (weft version), and look into its log: journalctl -u weftd',
  ),
  'agent.timeout': entry(
    'The agent did not answer in time',
    1,
    'look whether it is stopped or busy (ps -o stat,time -C node), and into its log: journalctl -u weftd',
  ),

  'kernel.netlink': entry('The kernel refused a request', 1, "read the kernel's own words in the message"),
  'kernel.device-busy': entry(
    'The device name or VNI is in use by something else',
    1,
    'remove that device, or choose another VNI in the network configuration',
  ),
  'kernel.device-kind': entry(
    'The kernel lacks a kind of device',
    1,
    'load its module, or choose another backend in the network configuration',
  ),
  'kernel.no-device': entry(
    "The backend's device is not there",
    1,
    "see the backend's own message in the log; it is tried again",
  ),
  'kernel.protocol': entry('The answer is not what rtnetlink sends', 1, 'report this with the output of uname -a'),
  'kernel.sysctl': entry(
    'A kernel setting that the fabric needs cannot be written',
    1,
    'set it yourself (sysctl -w), make /proc/sys writable for this program, or start it with -manage-sysctls=false',
  ),
  'kernel.tun': entry(
    'The TUN device cannot be made',
    1,
    'check that /dev/net/tun is there (modprobe tun), that a container is given it, and that CAP_NET_ADMIN is',
  ),
  'kernel.udp-port': entry(
    'The UDP port of the tunnel cannot be used',
    1,
    'find who has it: ss -ulnp; stop that, or choose another Backend.Port in the network configuration',
  ),
  'kernel.bpf': entry(
    "The kernel's BPF machine refused something",
    1,
    "read the kernel's own words in the message; the fast path needs Linux 6.6 with BPF, BTF and conntrack (docs/operating/fast-path.md)",
  ),
  'kernel.bpf-object': entry('The programs of the fast path are missing or damaged', 1, 'build them: npm run build'),
  'kernel.addon': entry('The native part is missing or does not load', 1, 'build it: npm run build'),

  'wireguard.missing': entry(
    'There is no WireGuard on this host',
    1,
    'install the package wireguard-go (apt-get install wireguard-go), or use a kernel with WireGuard',
  ),
  'wireguard.device': entry('A WireGuard device cannot be set up or read', 1, 'read the reason in the message'),
  'wireguard.key': entry(
    'The file with the WireGuard private key cannot be used',
    1,
    'check the path and the rights, or remove the file: a new key is made then',
  ),

  'firewall.missing': entry(
    'A firewall program is not installed',
    1,
    'install the package named, or turn off -ip-masq and --iptables-forward-rules',
  ),
  'firewall.too-old': entry('The firewall program is too old', 1, 'upgrade the package, or use iptables'),
  'firewall.output': entry(
    'A firewall program printed something unexpected',
    1,
    'run the command named by hand and look at what it prints',
  ),
  'firewall.refused': entry('The firewall refused to be read or written', 1, "read the program's words in the message"),
  'firewall.busy': entry(
    'Another program holds the lock of iptables',
    1,
    'find it: fuser /run/xtables.lock; it is tried again',
  ),
  'firewall.differs': entry(
    'Rules read back otherwise than they were written',
    1,
    'look for a program that changes them at the same time (an older flanneld?): nft monitor',
  ),

  'backend.unknown': entry('Unknown backend type', 1, 'use one of the supported types: weft network check names them'),

  'command.failed': entry('A command failed', 1, 'read its output in the message'),

  'inventory.invalid': entry('The inventory is not right', 2, 'mend each line that is named'),
  'inventory.exists': entry(
    'There is an inventory already',
    1,
    'give another name with -o, or replace it with --force',
  ),

  'cni.foreign': entry(
    'A file that weft would replace is not its own',
    1,
    'look at the file; with --force it is replaced, and kept as .weft-backup-…',
  ),

  'certs.input': entry(
    'An input for certificates is not valid',
    1,
    'correct the lines named; they are in the form of cfssl (ca-config.json, NAME-csr.json)',
  ),
  'certs.profile': entry('There is no such signing profile', 2, 'give one of those named with --profile'),
  'certs.hosts': entry('The certificate of a server names no hosts', 2, 'give --hosts, or hosts in NAME-csr.json'),
  'certs.ca-missing': entry('There is no authority in the directory', 1, 'make one: weft certs init'),
  'certs.ca-unusable': entry(
    'The authority cannot be used',
    1,
    'put the right ca.pem and ca-key.pem back; or move both away and make a new authority: weft certs init',
  ),
  'certs.ca-expired': entry(
    'The authority has expired',
    1,
    'move ca.pem and ca-key.pem away, make a new authority (weft certs init) and issue all certificates anew',
  ),
  'certs.clock': entry('A clock is wrong', 1, 'compare the clock of this machine (date) with others, and set it'),
  'certs.leaf': entry('A certificate cannot be renewed', 1, 'make it anew: weft certs issue NAME'),
  'certs.file': entry('A file or directory of certificates cannot be used', 1, 'check the path and the rights'),
  'certs.busy': entry('Another run works on these certificates', 1, 'wait until it has ended, then try again'),

  'docker.subnet-file': entry(
    'The subnet file cannot be read',
    1,
    'look at the file; the agent writes it anew at its next start',
  ),
  'docker.masquerade': entry(
    'The subnet file does not say who masquerades',
    1,
    'FLANNEL_IPMASQ must be true or false; or leave --ip-masq out (-m)',
  ),
  'docker.subnet-routed': entry(
    'The subnet for docker is routed to another host',
    1,
    'look who has it (ip route, weft lease list); start docker only when that route is gone',
  ),

  'docker.unit': entry(
    'The unit of docker or of the agent is not as needed',
    1,
    'systemctl cat docker.service weftd.service shows what systemd has; name another one (--docker-unit, --agent-unit)',
  ),
  'docker.daemon-json': entry(
    "Docker's daemon.json cannot be read",
    1,
    'correct it at that place; docker itself refuses such a file as well',
  ),
  'docker.two-forms': entry(
    'Docker is told about its network in two places',
    1,
    'docker does not start so: remove it from one of the two',
  ),
  'docker.attached': entry(
    'A restart of docker would end containers',
    1,
    'end or move them first, or restart docker yourself at a better time: systemctl restart docker',
  ),
  'docker.bridge': entry(
    'Docker may not or shall not make its own bridge',
    1,
    'let docker have docker0: without --bridge, and with CAP_NET_ADMIN; or use a CNI runtime',
  ),

  'lab.docker': entry(
    'Docker for the Pods of a lab is not installed',
    3,
    'npm run setup installs it; by hand: apt-get install docker.io busybox-static',
  ),
  'lab.exists': entry('A lab of that name is up', 1, 'use weft lab down first, or another --name'),
  'lab.missing': entry('No lab of that name', 1, 'start one: weft lab up'),
  'lab.foreign': entry(
    'A namespace that the lab needs is there already',
    1,
    'use another --name, or remove it: ip netns del NAME',
  ),
  'lab.host': entry('No such host in the lab', 2, 'see weft lab status'),
  'lab.up': entry('The lab did not come up', 1, 'look at the log named, then weft lab down'),

  'machines.exists': entry('Machines of that name are there', 1, 'use weft lab machines down first, or another --name'),
  'machines.missing': entry('No machines of that name', 1, 'start some: weft lab machines up 3'),
  'machines.unknown': entry('No such machine', 2, 'see weft lab machines status'),
  'machines.snapshot': entry('No such snapshot, or no room for one more', 1, 'see weft lab machines status'),
  'machines.programs': entry('Programs that machines need are missing', 1, 'install them'),
  'machines.base': entry(
    'The base image of the machines could not be made',
    1,
    'check that the Debian archive is reachable (apt-get update) and that the disk has room, then try again',
  ),
  'machines.boot': entry('A machine did not come up', 1, 'read the log named, then weft lab machines down'),
} as const satisfies Record<string, FaultEntry>;

export type FaultCode = keyof typeof FAULTS;

export function isFaultCode(text: string): text is FaultCode {
  return Object.hasOwn(FAULTS, text);
}
