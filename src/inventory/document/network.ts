/** The Pod network: what becomes the network document in etcd, and how the agents get at it. */
import { list } from '#inventory/shape/collections.ts';
import { type Fields, object, variants } from '#inventory/shape/object.ts';
import { choice, flag, integer, text } from '#inventory/shape/scalars.ts';
import type { ValueOf } from '#inventory/shape/shape.ts';
import { cidr, interfaceName, ipv4Address, ipv4Network, ipv6Address, ipv6Network, localPath } from './words.ts';

const command = text({ expected: 'a command line', pattern: /^\S(?:.|\n)*$/, sample: 'true', longest: 4096 });
const presharedKey = text({
  expected: 'the base64 text of 32 bytes, as wg genpsk prints it',
  pattern: /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/,
  sample: `${'A'.repeat(43)}=`,
  secret: true,
});

/** A backend's type, and its options by flannel's names. */
export interface BackendDocument {
  readonly type: string;
  readonly options: { readonly [name: string]: string | number | boolean | undefined };
  /** wireguard only. */
  readonly presharedKey?: string | undefined;
  readonly presharedKeyFile?: string | undefined;
}

const port = integer(1, 65_535);
const mtu = integer(0, 65_535, 'bytes');
const MTU = "MTU of the hosts' interface; 0: as it is";

/** As they are written in `network.backend.type`. */
export const BACKEND_TYPES = ['vxlan', 'host-gw', 'udp', 'ipip', 'wireguard', 'alloc', 'extension'] as const;

const backend = variants<BackendDocument>('type', 'how the hosts are connected', [
  [
    'vxlan',
    (fields) => ({
      type: 'vxlan',
      options: {
        VNI: fields.optional('vni', 'VXLAN network identifier; absent: 1', integer(0, 2 ** 24 - 1)),
        Port: fields.optional('port', 'UDP port of the outer packets; absent: 8472', port),
        MTU: fields.optional('mtu', MTU, mtu),
        GBP: fields.optional('gbp', 'VXLAN group policy', flag),
        Learning: fields.optional('learning', 'MAC learning', flag),
        DirectRouting: directRouting(fields),
      },
    }),
  ],
  ['host-gw', () => ({ type: 'host-gw', options: {} })],
  ['udp', (fields) => ({ type: 'udp', options: { Port: fields.optional('port', 'UDP port; absent: 8285', port) } })],
  ['ipip', (fields) => ({ type: 'ipip', options: { DirectRouting: directRouting(fields) } })],
  [
    'wireguard',
    (fields) => ({
      type: 'wireguard',
      options: {
        ListenPort: fields.optional('listenPort', 'UDP port; absent: 51820', port),
        ListenPortV6: fields.optional('listenPortV6', 'UDP port of the IPv6 device; absent: 51821', port),
        MTU: fields.optional('mtu', MTU, mtu),
        PersistentKeepaliveInterval: fields.optional(
          'keepaliveSeconds',
          'keep-alive for hosts behind NAT; absent: 0, which is off',
          integer(0, 65_535, 'seconds'),
        ),
        Mode: fields.optional(
          'mode',
          'a device per family, or one for both and the family it is reached by; absent: separate',
          choice(['separate', 'auto', 'ipv4', 'ipv6']),
        ),
      },
      presharedKey: fields.optional('presharedKey', 'preshared key in clear: prefer presharedKeyFile', presharedKey),
      presharedKeyFile: fields.optional('presharedKeyFile', 'file with the preshared key', localPath),
    }),
  ],
  ['alloc', () => ({ type: 'alloc', options: {} })],
  [
    'extension',
    (fields) => ({
      type: 'extension',
      options: {
        PreStartupCommand: fields.optional('preStartupCommand', 'shell command before the lease', command),
        PostStartupCommand: fields.optional('postStartupCommand', 'shell command after the lease', command),
        SubnetAddCommand: fields.optional('subnetAddCommand', 'shell command per peer that comes', command),
        SubnetRemoveCommand: fields.optional('subnetRemoveCommand', 'shell command per peer that goes', command),
      },
    }),
  ],
]);

function directRouting(fields: Fields): boolean | undefined {
  return fields.optional('directRouting', 'peers of the same segment are routed to, not tunnelled to', flag);
}

const prefix = text({
  expected: 'a key in etcd such as /kubernetes/network, without a slash at the end',
  pattern: /^(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._-]+)+$/,
  sample: '/kubernetes/network',
  longest: 255,
});

export const network = object((fields) => ({
  cidr: fields.optional('cidr', 'IPv4 network of all Pods; at least one of `cidr` and `ipv6Cidr`', ipv4Network),
  subnetLength: fields.optional('subnetLength', "prefix length of a host's subnet; absent: 24", integer(2, 30)),
  subnetMin: fields.optional(
    'subnetMin',
    'first subnet that is leased; absent: the second of the network',
    ipv4Address,
  ),
  subnetMax: fields.optional('subnetMax', 'last subnet that is leased; absent: the last of the network', ipv4Address),
  ipv6Cidr: fields.optional('ipv6Cidr', 'IPv6 network of all Pods; with `cidr`: dual stack', ipv6Network),
  ipv6SubnetLength: fields.optional('ipv6SubnetLength', "length of a host's IPv6 subnet; absent: 64", integer(2, 126)),
  ipv6SubnetMin: fields.optional('ipv6SubnetMin', 'first IPv6 subnet that is leased', ipv6Address),
  ipv6SubnetMax: fields.optional('ipv6SubnetMax', 'last IPv6 subnet that is leased', ipv6Address),
  backend: fields.fallback('backend', 'how the hosts are connected, with its options', backend, { type: 'vxlan' }),
  prefix: fields.fallback('prefix', 'where network and leases are in etcd', prefix, '/coreos.com/network'),
  api: fields.fallback('api', "etcd's API that network and leases are written with", choice(['v3', 'v2']), 'v3'),
  nftables: fields.fallback('nftables', 'traffic rules by nftables in place of iptables', flag, false),
  masquerade: fields.fallback(
    'masquerade',
    'what Pods send to outside leaves with the address of the host',
    flag,
    true,
  ),
  interface: fields.optional('interface', 'interface of every host; absent: the one with its address', interfaceName),
  underlay: fields.fallback(
    'underlay',
    'networks of the hosts; if given, every address and the VIP must be in one of them',
    list(cidr, { most: 64 }),
    [],
  ),
}));

export type NetworkSection = ValueOf<typeof network>;
