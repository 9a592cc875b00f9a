/** The text of a new inventory: what was asked for, with a comment on each thing that is worth a thought. Pure. */

import type { Role } from '#inventory/document/hosts.ts';
import { familyOf, formatIp, parseCidr } from '#model/ip.ts';
import type { InitRequest } from './request.ts';

export function composeInventory(request: InitRequest): string {
  const { hosts, vip } = request;
  const members = hosts.length >= 3 ? 3 : 1;
  const written = hosts.map(({ name, address }, index) => {
    const roles: readonly Role[] = [
      ...(index < members ? (['etcd', 'master', 'kubectl'] as const) : []),
      'agent',
      'docker',
      ...(vip !== undefined && index >= hosts.length - 2 ? (['loadbalancer'] as const) : []),
    ];
    return `  - name: ${quoted(name)}\n    address: ${quoted(formatIp(address))}\n    roles: [${roles.join(', ')}]\n`;
  });
  return `# The inventory of a fleet. Every field: docs/operating/inventory.md.
# For an editor that completes and checks: weft init --schema > weft.schema.json
# yaml-language-server: $schema=weft.schema.json
version: 1

# Port, jump hosts and keys come from your OpenSSH configuration; what is written here goes before it.
ssh:
  user: ${quoted(request.user)}

# Roles: etcd (3 or 5 hosts), agent (has Pods), docker, cni, kubectl, master (API servers), loadbalancer.
hosts:
${written.join('')}
network:
${networkLines(request)}
  # Where network and leases are in etcd, and by which API: v3, or v2 beside flannel of the guides.
  prefix: /kubernetes/network
  api: v3
  # What Pods send to outside leaves with the address of their host.
  masquerade: true
${vip === undefined ? '' : `\n${balancerLines(vip)}`}
# Where things are on the hosts: guide-000, guide-003, or fhs as distributions have it.
paths:
  preset: ${request.preset}

certificates:
  # The CA and its key, on this machine.
  folder: pki
  keyType: p256
  leafValidityDays: 365

# How hosts are prepared. Each can be switched off.
system:
  # open: the ports that roles need; off: no firewall, as in the guides; keep: as it is.
  firewall: open
  swap: off
  # time: { zone: Asia/Shanghai }
  # sysctl: { disableIpv6: true }
`;
}

function networkLines({ network, backend }: InitRequest): string {
  const cidr = parseCidr(network);
  const ipv6 = cidr !== undefined && familyOf(cidr.address) === 'ipv6';
  return [
    '  # Every host gets a subnet of it; it must be free of everything that hosts reach.',
    `  ${ipv6 ? 'ipv6Cidr' : 'cidr'}: ${quoted(network)}`,
    '  # vxlan, host-gw (hosts of one segment, faster), wireguard (encrypted), ipip, udp.',
    `  backend: { type: ${quoted(backend)} }`,
  ].join('\n');
}

function balancerLines(vip: string): string {
  return `# One address in front of the masters, carried by the hosts with the role loadbalancer.
loadBalancer:
  vip: ${quoted(vip)}
  port: 8443
  # authFile: secrets/vrrp-password
`;
}

/** As it is where YAML takes it for text, else in quotes. */
function quoted(text: string): string {
  return /^[A-Za-z][\w.-]*$|^\d+(?:\.\d+){3}(?:\/\d+)?$/.test(text) && !/^(?:true|false|null)$/i.test(text)
    ? text
    : JSON.stringify(text);
}
