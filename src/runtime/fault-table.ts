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
  'etcd.protocol': entry('The answer is not what etcd v3 sends', 3, 'check that the endpoint is an etcd v3 client URL'),

  'network.missing': entry('There is no network configuration', 1, 'write one: weft network set FILE'),
  'network.invalid': entry(
    'The network configuration is not valid',
    1,
    'correct the fields named and run weft network check',
  ),
  'network.exists': entry('Another network configuration is in place', 1, 'look at it first, then use --replace'),
  'network.changed': entry('The network configuration was written meanwhile', 1, 'look at it again: weft network get'),
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
  'lease.record': entry(
    'A record under the prefix cannot be used',
    1,
    'see weft lease list; delete or correct that key',
  ),
  'lease.exists': entry('The subnet is leased already', 1, 'choose another subnet or release that one'),
  'lease.changed': entry('The lease was written meanwhile', 1, 'look at it again: weft lease list'),
  'lease.misfit': entry('The subnet is not one of the network', 1, 'choose one that weft network check allows'),
  'lease.missing': entry('No such lease', 1, 'see weft lease list'),

  'host.no-interface': entry('No interface to use for the fabric', 1, 'name one with -iface'),
  'host.public-ip': entry('The public address cannot be used', 2, 'give an IPv4 address that the peers can reach'),
  'host.file': entry('A file on a host cannot be written or read', 1, 'check the path, the rights and the space left'),
  'host.subnet-file': entry('The subnet file cannot be written or read', 1, 'check the path and the rights'),

  'kernel.netlink': entry('The kernel refused a request', 1, "read the kernel's own words in the message"),
  'kernel.device-busy': entry(
    'The device name or VNI is in use by something else',
    1,
    'remove that device, or choose another VNI in the network configuration',
  ),
  'kernel.protocol': entry('The answer is not what rtnetlink sends', 1, 'report this with the output of uname -a'),
  'kernel.addon': entry('The native part is missing or does not load', 1, 'build it: npm run build'),

  'backend.unknown': entry('Unknown backend type', 1, 'use one of the supported types: vxlan'),

  'command.failed': entry('A command failed', 1, 'read its output in the message'),

  'lab.exists': entry('A lab of that name is up', 1, 'use weft lab down first, or another --name'),
  'lab.missing': entry('No lab of that name', 1, 'start one: weft lab up'),
  'lab.foreign': entry(
    'A namespace that the lab needs is there already',
    1,
    'use another --name, or remove it: ip netns del NAME',
  ),
  'lab.host': entry('No such host in the lab', 2, 'see weft lab status'),
  'lab.up': entry('The lab did not come up', 1, 'look at the log named, then weft lab down'),
} as const satisfies Record<string, FaultEntry>;

export type FaultCode = keyof typeof FAULTS;
