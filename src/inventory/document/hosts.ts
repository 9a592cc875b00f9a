/** The hosts and what each is for. */
import { dictionary, list } from '#inventory/shape/collections.ts';
import { object } from '#inventory/shape/object.ts';
import { choice, integer } from '#inventory/shape/scalars.ts';
import type { ValueOf } from '#inventory/shape/shape.ts';
import { pathOverrides } from './paths.ts';
import { hostSsh } from './ssh.ts';
import { hostName, interfaceName, ip, ipv4Network, ipv6Network, LABEL_KEY, labelValue } from './words.ts';

/** What a host can be. `master`: a backend of the load balancers, and NODE_MASTER_* in the environment script. */
export const ROLES = ['etcd', 'agent', 'kubectl', 'loadbalancer', 'docker', 'cni', 'master'] as const;
export type Role = (typeof ROLES)[number];

const labels = dictionary(LABEL_KEY, labelValue, 64);

export const host = object((fields) => ({
  name: fields.required('name', 'host name; A1 makes it so', hostName),
  address: fields.required('address', 'address that the others reach it at, IPv4 or IPv6', ip),
  secondAddress: fields.optional('secondAddress', 'address of the other family, for dual stack', ip),
  roles: fields.required('roles', 'what the host is for', list(choice(ROLES), { least: 1, most: 7, unique: true })),
  ssh: fields.fallback('ssh', 'how to reach it, where that differs from `ssh` above', hostSsh, {}),
  interface: fields.optional(
    'interface',
    'interface that carries the fabric; absent: `network.interface`',
    interfaceName,
  ),
  etcdName: fields.optional('etcdName', 'name of its etcd member; absent: the host name', hostName),
  aliases: fields.fallback('aliases', 'more names in the hosts file', list(hostName, { most: 16, unique: true }), []),
  priority: fields.optional(
    'priority',
    'VRRP priority of a load balancer; absent: 101, 99, 97 … in the order of the hosts',
    integer(1, 254),
  ),
  subnet: fields.optional('subnet', 'Pod subnet that is reserved for it; absent: whichever is free', ipv4Network),
  subnetIpv6: fields.optional('subnetIpv6', 'the same of the IPv6 network', ipv6Network),
  labels: fields.fallback('labels', "words of the operator's own; names and values are text", labels, {}),
  paths: fields.fallback('paths', 'paths that differ on this host', pathOverrides, {}),
}));

export type HostDocument = ValueOf<typeof host>;
