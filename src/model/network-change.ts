/** What it means to replace the network document of a fleet that runs: said before it is done. Pure. */
import { formatIpv4Cidr, ipv4CidrSize } from './cidr.ts';
import { FAMILIES } from './ip.ts';
import { formatIpv6Cidr, ipv6CidrSize } from './ipv6.ts';
import { memberOf } from './json-document.ts';
import { formatPublicIps, type Json, type Lease } from './lease.ts';
import type { BackendConfig, NetworkConfig } from './network-config.ts';
import { formatSubnetKey } from './subnet-key.ts';
import { familyMisfit, subnetMisfit } from './subnet-misfit.ts';

/** How many hosts the network can take: the number of its subnets; of both families, the smaller. */
export function networkCapacity(config: NetworkConfig): number {
  const { ipv4, ipv6 } = config;
  const of4 = ipv4 ? (ipv4.subnetMax - ipv4.subnetMin) / ipv4CidrSize(ipv4.subnetLength) + 1 : Number.POSITIVE_INFINITY;
  const of6 = ipv6
    ? Number((ipv6.subnetMax - ipv6.subnetMin) / ipv6CidrSize(ipv6.subnetLength) + 1n)
    : Number.POSITIVE_INFINITY;
  return Math.min(of4, of6);
}

/** Sentences on what breaks for hosts that hold these leases when `before` is replaced by `after`; empty: nothing does. */
export function describeNetworkChange(
  before: NetworkConfig,
  after: NetworkConfig,
  leases: readonly Lease[],
): readonly string[] {
  const sentences: string[] = [];
  const networks = [networksOf(before), networksOf(after)] as const;
  if (networks[0] !== networks[1]) {
    sentences.push(
      `The network changes from ${networks[0]} to ${networks[1]}: masquerading and routes of every host change.`,
    );
  }
  for (const lease of leases) {
    const misfit = subnetMisfit(lease.subnet, after);
    if (misfit === undefined) continue;
    const who = `${formatSubnetKey(lease.subnet)} of host ${formatPublicIps(lease.attributes)}`;
    const kept = FAMILIES.find(
      (family) => lease.subnet[family] && familyMisfit(family, lease.subnet, after) === undefined,
    );
    const fate = lease.reservation
      ? 'the reservation stays, but that host leases another subnet'
      : kept === undefined
        ? 'at its next start that host gives it up and leases another, and its containers must be started anew'
        : `at its next start that host leases anew and keeps its ${kept === 'ipv4' ? 'IPv4' : 'IPv6'} subnet`;
    sentences.push(`The lease ${who} no longer fits (${misfit}): ${fate}.`);
  }
  const capacity = networkCapacity(after);
  if (leases.length > capacity) {
    sentences.push(`The new network has ${capacity} subnets, and ${leases.length} hosts hold leases now.`);
  }
  sentences.push(...describeBackendChange(before.backend, after.backend));
  if (sentences.length > 0)
    sentences.unshift('Agents read the document when they start: restart the agent of every host.');
  return sentences;
}

/** What a change of an option does; other options only matter to their own host. */
const EFFECTS: readonly (readonly [option: string, effect: string])[] = [
  ['VNI', 'hosts with the old and the new one cannot reach each other, and the device gets another name'],
  ['Port', 'hosts with the old and the new one cannot reach each other; firewalls must allow the new one'],
  ['MTU', 'containers that run keep the old one until they are started anew'],
  ['DirectRouting', 'hosts of one segment change between tunnelled and plain traffic'],
];

function describeBackendChange(before: BackendConfig, after: BackendConfig): readonly string[] {
  if (before.type !== after.type) {
    const change = `The backend changes from "${before.type}" to "${after.type}"`;
    return [`${change}: hosts cannot reach each other until every agent has been started anew.`];
  }
  return EFFECTS.flatMap(([option, effect]) => {
    const [was, is] = [before, after].map((backend) => optionText(memberOf(backend.options, option.toLowerCase())));
    return was === is ? [] : [`Backend.${option} changes from ${was} to ${is}: ${effect}.`];
  });
}

function optionText(value: Json | undefined): string {
  return value === undefined || value === null ? 'its default' : JSON.stringify(value);
}

function networksOf({ ipv4, ipv6 }: NetworkConfig): string {
  const texts = [ipv4 && formatIpv4Cidr(ipv4.network), ipv6 && formatIpv6Cidr(ipv6.network)];
  return texts.filter((text) => text !== undefined).join(' and ');
}
