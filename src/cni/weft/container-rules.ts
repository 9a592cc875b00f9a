/**
 * Traffic rules of one container: port mappings and masquerading, with the chains, rules and comments of the plugins portmap
 * and bridge, so that either program takes down what the other has set up. As text for iptables-restore. Pure.
 */
import { createHash } from 'node:crypto';
import { type Cidr, type Family, familyOf, formatCidr, formatIp, type Ip, maskCidr } from '#model/ip.ts';
import type { PortMapping } from './port-mapping.ts';

export interface RuledContainer {
  readonly network: string;
  readonly containerId: string;
}

export interface ContainerRules extends RuledContainer {
  /** The container's address with its prefix length. */
  readonly address: Cidr;
  readonly portMappings: readonly PortMapping[];
  readonly masquerade: boolean;
}

const DNAT = 'CNI-HOSTPORT-DNAT';
const SETMARK = 'CNI-HOSTPORT-SETMARK';
const MASQ = 'CNI-HOSTPORT-MASQ';
const MARK = '0x2000';
const LONGEST_CHAIN = 28;
/** Ports in one rule of the match `multiport`. */
const MOST_PORTS = 15;

/** Rules that all containers share; those that are missing in `saved` (iptables-save) are added before the container's. */
const SHARED = [
  `-A PREROUTING -m addrtype --dst-type LOCAL -j ${DNAT}`,
  `-A OUTPUT -m addrtype --dst-type LOCAL -j ${DNAT}`,
  `-A POSTROUTING -m comment --comment "CNI portfwd requiring masquerade" -j ${MASQ}`,
  `-A ${SETMARK} -m comment --comment "CNI portfwd masquerade mark" -j MARK --set-xmark ${MARK}/${MARK}`,
  `-A ${MASQ} -m mark --mark ${MARK}/${MARK} -j MASQUERADE`,
];

/** The document that sets the rules up, in place of what `saved` has of this container; undefined when there is nothing to do. */
export function rulesText(rules: ContainerRules, saved: string): string | undefined {
  const family = familyOf(rules.address.address);
  const mappings = rules.portMappings.filter(({ hostIp }) => hostIp === undefined || familyOf(hostIp) === family);
  // portmap enters every port into the rule that leads to the chain, whatever the family of its host address is.
  const lines = [
    ...(rules.masquerade ? masqueradeLines(rules, family) : []),
    ...(rules.portMappings.length > 0 ? portLines(rules, mappings, saved) : []),
  ];
  if (lines.length === 0) return undefined;
  return restoreText([...removalLines(rules, saved), ...lines]);
}

/** The document that takes down all that `saved` has of the container; undefined when it has nothing. */
export function removalText(container: RuledContainer, saved: string): string | undefined {
  const lines = removalLines(container, saved);
  return lines.length === 0 ? undefined : restoreText(lines);
}

/** Whether the rules of this container are all there. */
export function hasRules(rules: ContainerRules, saved: string): boolean {
  const there = new Set(saved.split('\n'));
  const wanted = rulesText(rules, '') ?? '';
  return wanted.split('\n').every((line) => !line.startsWith('-A ') || there.has(line));
}

function portLines(rules: ContainerRules, mappings: readonly PortMapping[], saved: string): readonly string[] {
  const there = new Set(saved.split('\n'));
  const chain = chainName(rules, 'DN-');
  const comment = `-m comment --comment "dnat name: \\"${rules.network}\\" id: \\"${rules.containerId}\\""`;
  const entries = ['sctp', 'tcp', 'udp'].flatMap((protocol) => {
    const ports = rules.portMappings.filter((mapping) => mapping.protocol === protocol).map(({ hostPort }) => hostPort);
    const groups = Array.from({ length: Math.ceil(ports.length / MOST_PORTS) }, (_, index) =>
      ports.slice(index * MOST_PORTS, (index + 1) * MOST_PORTS),
    );
    return groups.map(
      (group) => `-A ${DNAT} -p ${protocol} ${comment} -m multiport --dports ${group.join(',')} -j ${chain}`,
    );
  });
  return [
    ...[DNAT, SETMARK, MASQ].filter((name) => !saved.includes(`:${name} `)).map((name) => `:${name} - [0:0]`),
    `:${chain} - [0:0]`,
    ...SHARED.filter((line) => !there.has(line)),
    ...mappings.flatMap((mapping) => mappingLines(chain, mapping, rules.address)),
    ...entries,
  ];
}

/** A connection that comes back through the host, from the container's own network or from the host itself, is masqueraded. */
function mappingLines(
  chain: string,
  { hostIp, hostPort, containerPort, protocol }: PortMapping,
  address: Cidr,
): readonly string[] {
  const bits =
    hostIp === undefined || isAny(hostIp) ? '' : ` -d ${formatIp(hostIp)}/${typeof hostIp === 'number' ? 32 : 128}`;
  const match = `${bits} -p ${protocol} -m ${protocol} --dport ${hostPort}`;
  const v4 = typeof address.address === 'number';
  const target = v4 ? formatIp(address.address) : `[${formatIp(address.address)}]`;
  return [
    `-A ${chain} -s ${formatCidr(maskCidr(address))}${match} -j ${SETMARK}`,
    ...(v4 ? [`-A ${chain} -s 127.0.0.1/32${match} -j ${SETMARK}`] : []),
    `-A ${chain}${match} -j DNAT --to-destination ${target}:${containerPort}`,
  ];
}

function masqueradeLines(rules: ContainerRules, family: Family): readonly string[] {
  const chain = chainName(rules, '');
  const comment = `-m comment --comment "name: \\"${rules.network}\\" id: \\"${rules.containerId}\\""`;
  const [bits, multicast] = family === 'ipv4' ? [32, '224.0.0.0/4'] : [128, 'ff00::/8'];
  return [
    `:${chain} - [0:0]`,
    `-A ${chain} -d ${formatCidr(maskCidr(rules.address))} ${comment} -j ACCEPT`,
    `-A ${chain} ! -d ${multicast} ${comment} -j MASQUERADE`,
    `-A POSTROUTING -s ${formatIp(rules.address.address)}/${bits} ${comment} -j ${chain}`,
  ];
}

/** Whatever leads to one of the container's chains goes, then the chains. */
function removalLines(container: RuledContainer, saved: string): readonly string[] {
  const chains = [chainName(container, ''), chainName(container, 'DN-')].filter((name) => saved.includes(`:${name} `));
  const leading = saved
    .split('\n')
    .filter((line) => line.startsWith('-A ') && chains.some((chain) => line.endsWith(` -j ${chain}`)));
  return [
    ...leading.map((line) => `-D ${line.slice(3)}`),
    ...chains.map((chain) => `-F ${chain}`),
    ...chains.map((chain) => `-X ${chain}`),
  ];
}

function chainName({ network, containerId }: RuledContainer, prefix: string): string {
  const hash = createHash('sha512').update(`${network}${containerId}`).digest('hex');
  return `CNI-${prefix}${hash}`.slice(0, LONGEST_CHAIN);
}

function isAny(address: Ip): boolean {
  return address === 0 || address === 0n;
}

function restoreText(lines: readonly string[]): string {
  return `*nat\n${lines.join('\n')}\nCOMMIT\n`;
}
