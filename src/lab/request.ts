/** What is asked for when a lab is made, and whether it can be had: all that is wrong is said at once. Pure. */
import { ipv4CidrSize, maskIpv4Cidr, parseIpv4Cidr } from '#model/cidr.ts';
import { cidrsOverlap, formatCidr } from '#model/ip.ts';
import { ipv6CidrSize, parseIpv6Cidr } from '#model/ipv6.ts';
import { formatConfigProblem, type NetworkConfig, parseNetworkConfig } from '#model/network-config.ts';
import { Fault } from '#runtime/fault.ts';
import { networkDocument } from './document.ts';
import {
  type EtcdApi,
  FEWEST_HOSTS,
  HOSTS_IPV6,
  type LabShape,
  MOST_HOSTS,
  type PodKind,
  roomForHosts,
} from './plan.ts';
import { LAB_NAME } from './state.ts';
import { chooseSubnet, overlapsOf, type TakenNetwork } from './surroundings.ts';

export interface LabRequest {
  readonly name: string;
  readonly hosts: number;
  /** Network of the hosts; a free one when absent. */
  readonly subnet?: string;
  /** Network of the Pods; default 172.30.0.0/16, and for `ipv6Only` fd30::/56. */
  readonly network?: string;
  /** Backend type; default vxlan. */
  readonly backend?: string;
  /** Hosts of one segment are routed to and not tunnelled to. */
  readonly directRouting?: boolean;
  /** Pods get IPv6 addresses as well. */
  readonly dualStack?: boolean;
  /** Pods get IPv6 addresses alone. */
  readonly ipv6Only?: boolean;
  /** Traffic rules by nftables in place of iptables. */
  readonly nftables?: boolean;
  /** The network document itself: none of the six above goes with it. */
  readonly document?: string;
  /** etcd API of the agents; default v3. */
  readonly etcdApi?: EtcdApi;
  /** The agents masquerade what Pods send to outside; with docker's containers they do unless told otherwise. */
  readonly masquerade?: boolean;
  /** Default `namespace`. */
  readonly pods?: PodKind;
}

const DEFAULT_NETWORK = '172.30.0.0/16';
const DEFAULT_IPV6_NETWORK = 'fd30::/56';
const DEFAULT_BACKEND = 'vxlan';
const DIRECT_ROUTERS: readonly string[] = ['vxlan', 'ipip'];
const IPV4_ONLY: readonly string[] = ['udp', 'ipip'];

/** Fault `usage.flag` for the request, `network.invalid` for the document. */
export function shapeLab(request: LabRequest, taken: readonly TakenNetwork[]): LabShape {
  const problems: string[] = [];
  if (!LAB_NAME.test(request.name)) {
    problems.push(`--name ${JSON.stringify(request.name)} is not 1 to 32 lower-case letters, digits and inner dashes`);
  }
  if (!Number.isInteger(request.hosts) || request.hosts < FEWEST_HOSTS || request.hosts > MOST_HOSTS) {
    problems.push(`--hosts ${request.hosts} is not a number from ${FEWEST_HOSTS} to ${MOST_HOSTS}`);
  }
  const pods = podsOf(request, problems);
  const networks = pods?.podNetworks ?? [];
  const subnet =
    request.subnet === undefined ? freeSubnet(taken, networks) : givenSubnet(request, request.subnet, taken, problems);
  if (subnet === undefined && problems.length === 0)
    problems.push('no free subnet found for the hosts: give one with --subnet');
  for (const network of networks) {
    const clash = [subnet, HOSTS_IPV6].find((hosts) => hosts !== undefined && cidrsOverlap(hosts, network));
    if (clash !== undefined)
      problems.push(`the hosts' network ${formatCidr(clash)} overlaps the Pod network ${formatCidr(network)}`);
  }
  if (request.pods === 'docker' && networks.some(({ address }) => typeof address !== 'number'))
    problems.push("--pods docker is for IPv4 alone: docker's options of the lease have no IPv6 address");
  if (problems.length > 0 || pods === undefined || subnet === undefined) {
    throw new Fault('usage.flag', { what: problems.join('; ') });
  }
  const { name, hosts, etcdApi = 'v3', pods: podKind = 'namespace' } = request;
  // Where nobody says who masquerades, docker does, and hides the containers of one host from those of another.
  const { masquerade = podKind === 'docker' } = request;
  return { name, hosts, subnet, etcdApi, masquerade, pods: podKind, ...pods };
}

type PodsShape = Pick<LabShape, 'podNetworks' | 'backend' | 'document'>;

function podsOf(request: LabRequest, problems: string[]): PodsShape | undefined {
  if (request.document === undefined) {
    const document = composeDocument(request, problems);
    return document === undefined ? undefined : readDocument(document, request.hosts);
  }
  const given = documentFlags(request);
  if (given.length > 0)
    problems.push(`--config says everything about the network: ${given.join(' and ')} may not go with it`);
  return readDocument(request.document, request.hosts);
}

/** Flags that are a part of the document. */
function documentFlags(request: LabRequest): readonly string[] {
  const flags: Readonly<Record<string, string | boolean | undefined>> = {
    '--network': request.network,
    '--backend': request.backend,
    '--direct-routing': request.directRouting,
    '--dual-stack': request.dualStack,
    '--ipv6-only': request.ipv6Only,
    '--nftables': request.nftables,
  };
  return Object.keys(flags).filter((name) => flags[name] !== undefined && flags[name] !== false);
}

function composeDocument(request: LabRequest, problems: string[]): string | undefined {
  const { backend = DEFAULT_BACKEND, dualStack = false, ipv6Only = false } = request;
  const { directRouting = false, nftables = false } = request;
  const before = problems.length;
  if (dualStack && ipv6Only) problems.push('--dual-stack and --ipv6-only exclude each other');
  if (directRouting && !DIRECT_ROUTERS.includes(backend))
    problems.push(`--direct-routing goes with --backend vxlan: ${backend} has no such option`);
  if ((dualStack || ipv6Only) && IPV4_ONLY.includes(backend))
    problems.push(`--backend ${backend} carries IPv4 only: use vxlan, host-gw, wireguard or alloc`);
  const { network = ipv6Only ? DEFAULT_IPV6_NETWORK : DEFAULT_NETWORK } = request;
  const ipv4 = ipv6Only ? undefined : parseIpv4Cidr(network);
  const ipv6 = ipv6Only ? parseIpv6Cidr(network) : dualStack ? parseIpv6Cidr(DEFAULT_IPV6_NETWORK) : undefined;
  if (ipv4 === undefined && !ipv6Only)
    problems.push(`--network ${JSON.stringify(network)} is not an IPv4 network like ${DEFAULT_NETWORK}`);
  if (ipv6 === undefined && ipv6Only)
    problems.push(`--network ${JSON.stringify(network)} is not an IPv6 network like ${DEFAULT_IPV6_NETWORK}`);
  if (problems.length > before) return undefined;
  return networkDocument({
    ...(ipv4 !== undefined && { ipv4 }),
    ...(ipv6 !== undefined && { ipv6 }),
    backend,
    directRouting,
    nftables,
  });
}

function readDocument(document: string, hosts: number): PodsShape {
  const result = parseNetworkConfig(document);
  if ('problems' in result) throw invalidDocument(result.problems.map(formatConfigProblem).join('; '));
  const { ipv4, ipv6, backend } = result.config;
  const subnets = Math.min(...subnetCounts(result.config));
  if (subnets < hosts) throw invalidDocument(`there are ${subnets} subnets for ${hosts} hosts`);
  const podNetworks = [ipv4?.network, ipv6?.network].filter((network) => network !== undefined);
  return { podNetworks, backend: backend.type, document };
}

/** How many subnets each family has. */
function subnetCounts({ ipv4, ipv6 }: NetworkConfig): readonly number[] {
  return [
    ...(ipv4 === undefined
      ? []
      : [Math.floor((ipv4.subnetMax - ipv4.subnetMin) / ipv4CidrSize(ipv4.subnetLength)) + 1]),
    ...(ipv6 === undefined ? [] : [Number((ipv6.subnetMax - ipv6.subnetMin) / ipv6CidrSize(ipv6.subnetLength)) + 1]),
  ];
}

function invalidDocument(what: string): Fault {
  return new Fault('network.invalid', { what });
}

function freeSubnet(
  taken: readonly TakenNetwork[],
  podNetworks: PodsShape['podNetworks'],
): LabShape['subnet'] | undefined {
  const pods = podNetworks.flatMap(({ address, length }) =>
    typeof address === 'number' ? [{ network: { address, length }, owner: 'the Pods' }] : [],
  );
  return chooseSubnet([...taken, ...pods]);
}

function givenSubnet(
  request: LabRequest,
  text: string,
  taken: readonly TakenNetwork[],
  problems: string[],
): LabShape['subnet'] | undefined {
  const parsed = parseIpv4Cidr(text);
  if (parsed === undefined) {
    problems.push(`--subnet ${JSON.stringify(text)} is not an IPv4 network like 10.77.0.0/16`);
    return undefined;
  }
  const subnet = maskIpv4Cidr(parsed);
  const room = roomForHosts(subnet.length);
  if (room < request.hosts) problems.push(`--subnet ${text} has room for ${room} hosts, not for ${request.hosts}`);
  for (const overlap of overlapsOf(subnet, taken)) problems.push(`--subnet ${overlap}`);
  return subnet;
}
