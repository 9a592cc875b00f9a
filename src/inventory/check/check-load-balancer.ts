/** The address in front: who carries it, in which order, and whether a failure moves it. */

import { balancerPriorities } from '#inventory/resolve-hosts.ts';
import type { Path } from '#inventory/source/node.ts';
import { cidrContains, familyOf, formatCidr, formatIp } from '#model/ip.ts';
import { hostsWith, rolesAreSound, unusable } from './check-hosts.ts';
import type { Check, Checking } from './checking.ts';

export const checkLoadBalancer: Check = (checking) => {
  const { document, problem, warn, sound } = checking;
  const { loadBalancer } = document;
  const roles = rolesAreSound(checking);
  const balancers = roles ? hostsWith(checking, 'loadbalancer') : [];
  if (loadBalancer === undefined) {
    const [first] = balancers;
    if (first !== undefined && sound('loadBalancer'))
      problem(['hosts', first, 'roles'], 'loadbalancer needs the section loadBalancer, which says the VIP');
    return;
  }
  if (roles && balancers.length === 0)
    problem(['loadBalancer'], 'no host has the role loadbalancer: nobody would carry the VIP');
  if (roles && balancers.length === 1)
    warn(['loadBalancer'], 'one host has the role loadbalancer: when it fails, the VIP is gone; two bear one failure');
  if (roles && loadBalancer.backends === undefined && hostsWith(checking, 'master').length === 0)
    problem(['loadBalancer'], 'there is nothing behind it: give hosts the role master, or list backends');
  if (sound('loadBalancer', 'vip')) checkVip(checking, balancers);
  checkPriorities(checking, balancers);
  checkPorts(checking, balancers);
};

function checkVip(checking: Checking, balancers: readonly number[]): void {
  const { document, problem, warn, sound, whereabouts } = checking;
  const path: Path = ['loadBalancer', 'vip'];
  const vip = document.loadBalancer?.vip;
  if (vip === undefined) return;
  const kind = unusable(vip);
  if (kind !== undefined) problem(path, `is ${kind}`);
  document.hosts.forEach((host, index) => {
    for (const key of ['address', 'secondAddress'] as const) {
      if (sound('hosts', index, key) && host[key] === vip)
        problem(
          path,
          `${formatIp(vip)} is the address of ${whereabouts(['hosts', index, key])}: the VIP is one of its own`,
        );
    }
  });
  const { underlay } = document.network;
  const home = underlay.find((network) => cidrContains(network, vip));
  if (underlay.length > 0 && sound('network', 'underlay') && home === undefined) {
    problem(path, `${formatIp(vip)} is in none of network.underlay: ${underlay.map(formatCidr).join(', ')}`);
    return;
  }
  for (const index of balancers) {
    const host = document.hosts[index];
    if (host === undefined || !sound('hosts', index)) continue;
    const own = [host.address, host.secondAddress].find((ip) => ip !== undefined && familyOf(ip) === familyOf(vip));
    if (own === undefined) problem(path, `is of a family that ${whereabouts(['hosts', index])} has no address of`);
    else if (home !== undefined && !cidrContains(home, own))
      problem(path, `is in ${formatCidr(home)}, and ${formatIp(own)} of ${whereabouts(['hosts', index])} is not`);
    else if (home === undefined && !cidrContains({ address: vip, length: familyOf(vip) === 'ipv4' ? 24 : 64 }, own))
      warn(path, `may be outside the subnet of ${whereabouts(['hosts', index])}: say network.underlay to be sure`);
  }
}

/** Each its own, and so near that a proxy that fails moves the VIP. */
function checkPriorities(checking: Checking, balancers: readonly number[]): void {
  const { document, problem, sound, whereabouts } = checking;
  if (balancers.some((index) => !sound('hosts', index, 'priority')) || !sound('loadBalancer', 'check')) return;
  const priorities = balancerPriorities(document.hosts);
  const owners = new Map<number, number>();
  for (const [index, priority] of priorities) {
    const owner = owners.get(priority);
    if (owner === undefined) owners.set(priority, index);
    else
      problem(
        ['hosts', index, 'priority'],
        `${priority} is that of ${whereabouts(['hosts', owner])} too: who wins is chance`,
      );
    if (priority < 1) problem(['hosts', index], 'too many load balancers to derive priorities: write priority');
  }
  const weight = document.loadBalancer?.check.weight ?? 0;
  const [first, second] = [...owners.keys()].sort((a, b) => b - a);
  if (weight === 0 || first === undefined || second === undefined || first + weight < second) return;
  problem(
    ['loadBalancer', 'check', 'weight'],
    `${first} ${weight} is not below ${second}: a dead proxy would keep the VIP; take ${second - first - 1} or less, or 0`,
  );
}

/** Nothing else listens on the proxy's port on a balancer. */
function checkPorts(checking: Checking, balancers: readonly number[]): void {
  const { document, problem, sound } = checking;
  const { loadBalancer, etcd } = document;
  if (loadBalancer === undefined || !sound('loadBalancer', 'port')) return;
  const { port, backendPort, backends } = loadBalancer;
  for (const index of balancers) {
    const { name = '', roles = [] } = document.hosts[index] ?? {};
    const takers: readonly (readonly [boolean, number, string])[] = [
      [roles.includes('master') && backends === undefined, backendPort, 'loadBalancer.backendPort'],
      [roles.includes('etcd'), etcd.clientPort, 'etcd.clientPort'],
      [roles.includes('etcd'), etcd.peerPort, 'etcd.peerPort'],
    ];
    for (const [there, taken, owner] of takers) {
      if (there && taken === port) problem(['loadBalancer', 'port'], `${port} is taken on ${name} by ${owner}`);
    }
  }
}
