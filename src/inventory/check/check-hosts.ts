/** Hosts: names and addresses that are there once, and roles that fit together. */

import type { Role } from '#inventory/document/hosts.ts';
import type { Path } from '#inventory/source/node.ts';
import { cidrContains, familyOf, formatIp, type Ip, parseCidr } from '#model/ip.ts';
import type { Check, Checking } from './checking.ts';

export const checkHosts: Check = (checking) => {
  refuseDuplicates(checking, namesOf(checking), 'the name');
  refuseDuplicates(checking, addressesOf(checking), 'the address');
  refuseDuplicates(checking, etcdNamesOf(checking), 'the member name');
  checking.document.hosts.forEach((host, index) => {
    const at = (...rest: Path): Path => ['hosts', index, ...rest];
    const { address, secondAddress, roles } = host;
    for (const [key, ip] of [
      ['address', address],
      ['secondAddress', secondAddress],
    ] as const) {
      const kind = ip === undefined || !checking.sound(...at(key)) ? undefined : unusable(ip);
      if (kind !== undefined) checking.problem(at(key), `is ${kind}: no host can be reached at it`);
    }
    if (secondAddress !== undefined && checking.sound(...at('address')) && checking.sound(...at('secondAddress'))) {
      if (familyOf(address) === familyOf(secondAddress))
        checking.problem(
          at('secondAddress'),
          `is of the same family as address: give one of the other, or leave it out`,
        );
    }
    if (!checking.sound(...at('roles'))) return;
    for (const role of ['docker', 'cni'] as const) {
      if (roles.includes(role) && !roles.includes('agent'))
        checking.problem(at('roles'), `${role} needs agent: containers get their network from the agent of the host`);
    }
    if (host.etcdName !== undefined && !roles.includes('etcd'))
      checking.warn(at('etcdName'), 'says nothing: the host has not the role etcd');
    if (host.priority !== undefined && !roles.includes('loadbalancer'))
      checking.warn(at('priority'), 'says nothing: the host has not the role loadbalancer');
  });
  if (rolesAreSound(checking)) checkEtcdCount(checking, hostsWith(checking, 'etcd').length);
  if (rolesAreSound(checking) && hostsWith(checking, 'agent').length === 0)
    checking.problem(['hosts'], 'no host has the role agent: there would be no fabric');
};

/** Indexes of the hosts with a role. */
export function hostsWith({ document }: Checking, role: Role): readonly number[] {
  return document.hosts.flatMap((host, index) => (host.roles.includes(role) ? [index] : []));
}

/** Whether every host's roles could be read, so that they can be counted. */
export function rolesAreSound(checking: Checking): boolean {
  return (
    checking.document.hosts.length > 0 && checking.document.hosts.every((_, i) => checking.sound('hosts', i, 'roles'))
  );
}

function checkEtcdCount(checking: Checking, members: number): void {
  if (members === 0) checking.problem(['hosts'], 'no host has the role etcd: give it to three hosts (to one in a lab)');
  else if (members > 7)
    checking.problem(
      ['hosts'],
      `${members} hosts have the role etcd: every write waits for most of them, 3, 5 or 7 is right`,
    );
  else if (members === 1)
    checking.warn(
      ['hosts'],
      'one host has the role etcd: when it fails, nothing can be leased; three bear one failure',
    );
  else if (members % 2 === 0)
    checking.warn(
      ['hosts'],
      `${members} hosts have the role etcd: an even number bears no more failures than ${members - 1}, use 3, 5 or 7`,
    );
}

interface Claim {
  readonly path: Path;
  readonly key: string;
  /** It follows from another claim: two such are told of as those others. */
  readonly implied: boolean;
}

function refuseDuplicates({ problem, whereabouts }: Checking, claims: readonly Claim[], noun: string): void {
  const first = new Map<string, Omit<Claim, 'key'>>();
  for (const { path, key, implied } of claims) {
    const earlier = first.get(key);
    if (earlier === undefined) first.set(key, { path, implied });
    else if (!implied || !earlier.implied) problem(path, `${noun} ${key} is taken by ${whereabouts(earlier.path)}`);
  }
}

function namesOf({ document, sound }: Checking): readonly Claim[] {
  return document.hosts.flatMap(({ name, aliases }, index) => {
    const path: Path = ['hosts', index];
    return [
      ...(sound(...path, 'name') ? [{ path: [...path, 'name'], key: name, implied: false }] : []),
      ...(sound(...path, 'aliases')
        ? aliases.map((key, at) => ({ path: [...path, 'aliases', at], key, implied: false }))
        : []),
    ];
  });
}

function addressesOf({ document, sound }: Checking): readonly Claim[] {
  return document.hosts.flatMap((host, index) =>
    (['address', 'secondAddress'] as const).flatMap((field) => {
      const path: Path = ['hosts', index, field];
      const address = host[field];
      return address !== undefined && sound(...path) ? [{ path, key: formatIp(address), implied: false }] : [];
    }),
  );
}

function etcdNamesOf({ document, sound }: Checking): readonly Claim[] {
  return document.hosts.flatMap(({ name, etcdName, roles }, index) => {
    const path: Path = ['hosts', index, etcdName === undefined ? 'name' : 'etcdName'];
    const known = sound(...path) && sound('hosts', index, 'roles') && roles.includes('etcd');
    return known ? [{ path, key: etcdName ?? name, implied: etcdName === undefined }] : [];
  });
}

const UNUSABLE: readonly (readonly [network: string, kind: string])[] = [
  ['0.0.0.0/8', 'unspecified'],
  ['127.0.0.0/8', 'a loopback address'],
  ['224.0.0.0/4', 'a multicast address'],
  ['240.0.0.0/4', 'reserved'],
  ['::/128', 'unspecified'],
  ['::1/128', 'a loopback address'],
  ['fe80::/10', 'link-local'],
  ['ff00::/8', 'a multicast address'],
];

/** What kind of address it is when it is none of a host. */
export function unusable(address: Ip): string | undefined {
  return UNUSABLE.find(([text]) => {
    const network = parseCidr(text);
    return network !== undefined && cidrContains(network, address);
  })?.[1];
}
