/** The Pod network: its document as agents read it, room for every host, and nothing in its way. */
import { checkDocument } from '#cli/network/check-document.ts';
import { inventoryPathOf, networkDocument } from '#inventory/network-document.ts';
import { hostSubnet } from '#inventory/resolve-hosts.ts';
import type { Path } from '#inventory/source/node.ts';
import { type Cidr, cidrContains, cidrsOverlap, familyOf, formatCidr, formatIp, parseCidr } from '#model/ip.ts';
import { networkCapacity } from '#model/network-change.ts';
import type { NetworkConfig } from '#model/network-config.ts';
import { subnetMisfit } from '#model/subnet-misfit.ts';
import { hostsWith, rolesAreSound } from './check-hosts.ts';
import type { Check, Checking } from './checking.ts';

export const checkNetwork: Check = (checking) => {
  const { document, problem, sound } = checking;
  const { network } = document;
  for (const key of ['cidr', 'ipv6Cidr'] as const) {
    const pods = network[key] === undefined || !sound('network', key) ? undefined : parseCidr(network[key]);
    if (pods !== undefined) checkOverlaps(checking, ['network', key], pods);
  }
  if (!sound('network')) return;
  if (network.cidr === undefined && network.ipv6Cidr === undefined) {
    problem(['network'], 'needs cidr, ipv6Cidr or both: the network that Pods get their addresses from');
    return;
  }
  const orphans = [
    ['cidr', ['subnetLength', 'subnetMin', 'subnetMax']],
    ['ipv6Cidr', ['ipv6SubnetLength', 'ipv6SubnetMin', 'ipv6SubnetMax']],
  ] as const;
  for (const [owner, keys] of orphans) {
    for (const key of keys) {
      if (network[owner] === undefined && network[key] !== undefined) problem(['network', key], `needs ${owner}`);
    }
  }
  const checked = checkDocument(networkDocument(network, network.backend.presharedKey));
  if ('problems' in checked) {
    for (const { field, value, reason } of checked.problems)
      problem(inventoryPathOf(field), value === '' ? reason : `${value} ${reason}`);
    return;
  }
  checkFamilies(checking, checked.config);
  checkCapacity(checking, checked.config);
  checkSubnets(checking, checked.config);
};

/** A host takes part with an address of each family that Pods have. */
function checkFamilies(checking: Checking, config: NetworkConfig): void {
  for (const index of hostsWith(checking, 'agent')) {
    const path: Path = ['hosts', index];
    if (!checking.sound(...path)) continue;
    const host = checking.document.hosts[index];
    const families = [host?.address, host?.secondAddress].flatMap((ip) => (ip === undefined ? [] : [familyOf(ip)]));
    for (const family of ['ipv4', 'ipv6'] as const) {
      if (config[family] === undefined || families.includes(family)) continue;
      const name = family === 'ipv4' ? 'IPv4' : 'IPv6';
      checking.problem(path, `has no ${name} address, and the network has ${name}: give it as secondAddress`);
    }
  }
}

function checkCapacity(checking: Checking, config: NetworkConfig): void {
  if (!rolesAreSound(checking)) return;
  const agents = hostsWith(checking, 'agent').length;
  const room = networkCapacity(config);
  const length = config.ipv4 === undefined ? 'ipv6SubnetLength' : 'subnetLength';
  const subnets = room === 1 ? 'there is one subnet' : `there are ${room} subnets`;
  if (agents > room)
    checking.problem(
      ['network', length],
      `${subnets} for ${agents} hosts with an agent: take a longer ${length} or a larger network`,
    );
  else if (agents === room && agents > 1)
    checking.warn(['network', length], `${subnets} for ${agents} hosts: none is left for another host`);
}

/** Subnets that are reserved for hosts. */
function checkSubnets(checking: Checking, config: NetworkConfig): void {
  const owners = new Map<string, Path>();
  checking.document.hosts.forEach((host, index) => {
    const path: Path = ['hosts', index, host.subnet === undefined ? 'subnetIpv6' : 'subnet'];
    if (!checking.sound('hosts', index, 'subnet') || !checking.sound('hosts', index, 'subnetIpv6')) return;
    const subnet = hostSubnet(host);
    if (subnet === undefined) return;
    const misfit = subnetMisfit(subnet, config);
    if (misfit !== undefined) checking.problem(path, `does not fit the network: ${misfit}`);
    for (const part of [subnet.ipv4, subnet.ipv6]) {
      if (part === undefined) continue;
      const owner = owners.get(formatCidr(part));
      if (owner === undefined) owners.set(formatCidr(part), path);
      else checking.problem(path, `${formatCidr(part)} is reserved for ${checking.whereabouts(owner)}`);
    }
  });
}

function checkOverlaps(checking: Checking, path: Path, pods: Cidr): void {
  const { document, problem, sound, whereabouts } = checking;
  const at = formatCidr(pods);
  document.hosts.forEach((host, index) => {
    for (const key of ['address', 'secondAddress'] as const) {
      const address = host[key];
      if (address === undefined || !sound('hosts', index, key) || !cidrContains(pods, address)) continue;
      problem(
        path,
        `${at} holds ${formatIp(address)} of ${whereabouts(['hosts', index, key])}: hosts would become unreachable`,
      );
    }
  });
  document.network.underlay.forEach((network, index) => {
    if (sound('network', 'underlay') && cidrsOverlap(network, pods))
      problem(path, `${at} overlaps ${formatCidr(network)}, ${whereabouts(['network', 'underlay', index])}`);
  });
  const { serviceCidr } = document.kubernetes;
  if (sound('kubernetes', 'serviceCidr') && cidrsOverlap(serviceCidr, pods))
    problem(path, `${at} overlaps the network of Services, ${formatCidr(serviceCidr)} (kubernetes.serviceCidr)`);
  const vip = document.loadBalancer?.vip;
  if (vip !== undefined && sound('loadBalancer', 'vip') && cidrContains(pods, vip))
    problem(['loadBalancer', 'vip'], `is in the Pod network ${at}`);
}
