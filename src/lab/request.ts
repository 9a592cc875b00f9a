/** What is asked for when a lab is made, and whether it can be had: all that is wrong is said at once. Pure. */
import { formatIpv4Cidr, ipv4CidrSize, ipv4CidrsOverlap, maskIpv4Cidr, parseIpv4Cidr } from '#model/cidr.ts';
import { formatConfigProblem, parseNetworkConfig } from '#model/network-config.ts';
import { Fault } from '#runtime/fault.ts';
import { FEWEST_HOSTS, type LabShape, MOST_HOSTS, networkDocument, roomForHosts } from './plan.ts';
import { LAB_NAME } from './state.ts';
import { chooseSubnet, overlapsOf, type TakenNetwork } from './surroundings.ts';

export interface LabRequest {
  readonly name: string;
  readonly hosts: number;
  /** Network of the hosts; a free one when absent. */
  readonly subnet?: string;
  /** Network of the Pods; default 172.30.0.0/16. Not together with `document`. */
  readonly network?: string;
  /** Backend type; default vxlan. Not together with `document`. */
  readonly backend?: string;
  /** The network document itself, in place of `network` and `backend`. */
  readonly document?: string;
}

const DEFAULT_NETWORK = '172.30.0.0/16';
const DEFAULT_BACKEND = 'vxlan';

/** Fault `usage.flag` for the request, `network.invalid` for the document. */
export function shapeLab(request: LabRequest, taken: readonly TakenNetwork[]): LabShape {
  const problems: string[] = [];
  if (!LAB_NAME.test(request.name)) {
    problems.push(`--name ${JSON.stringify(request.name)} is not 1 to 32 lower-case letters, digits and inner dashes`);
  }
  if (!Number.isInteger(request.hosts) || request.hosts < FEWEST_HOSTS || request.hosts > MOST_HOSTS) {
    problems.push(`--hosts ${request.hosts} is not a number from ${FEWEST_HOSTS} to ${MOST_HOSTS}`);
  }
  if (request.document !== undefined && (request.network !== undefined || request.backend !== undefined)) {
    problems.push('--config says everything about the network: --network and --backend do not go with it');
  }
  const pods = podsOf(request, problems);
  const subnet =
    request.subnet === undefined ? freeSubnet(taken, pods) : givenSubnet(request, request.subnet, taken, problems);
  if (subnet === undefined && problems.length === 0)
    problems.push('no free subnet found for the hosts: give one with --subnet');
  if (pods !== undefined && subnet !== undefined && ipv4CidrsOverlap(subnet, pods.podNetwork)) {
    problems.push(`--subnet ${request.subnet} overlaps the Pod network ${formatIpv4Cidr(pods.podNetwork)}`);
  }
  if (problems.length > 0 || pods === undefined || subnet === undefined) {
    throw new Fault('usage.flag', { what: problems.join('; ') });
  }
  return { name: request.name, hosts: request.hosts, subnet, ...pods };
}

type PodsShape = Pick<LabShape, 'podNetwork' | 'backend' | 'document'>;

function podsOf(request: LabRequest, problems: string[]): PodsShape | undefined {
  if (request.document !== undefined) return readDocument(request.document, request.hosts);
  const network = request.network ?? DEFAULT_NETWORK;
  const parsed = parseIpv4Cidr(network);
  if (parsed !== undefined)
    return readDocument(networkDocument(parsed, request.backend ?? DEFAULT_BACKEND), request.hosts);
  problems.push(`--network ${JSON.stringify(network)} is not an IPv4 network like ${DEFAULT_NETWORK}`);
  return undefined;
}

function readDocument(document: string, hosts: number): PodsShape {
  const result = parseNetworkConfig(document);
  if ('problems' in result) throw invalidDocument(result.problems.map(formatConfigProblem).join('; '));
  const { ipv4, backend } = result.config;
  if (ipv4 === undefined) throw invalidDocument('the Pods of a lab need IPv4: EnableIPv4 false does not do');
  const subnets = Math.floor((ipv4.subnetMax - ipv4.subnetMin) / ipv4CidrSize(ipv4.subnetLength)) + 1;
  if (subnets < hosts) throw invalidDocument(`there are ${subnets} subnets for ${hosts} hosts`);
  return { podNetwork: ipv4.network, backend: backend.type, document };
}

function invalidDocument(what: string): Fault {
  return new Fault('network.invalid', { what });
}

function freeSubnet(taken: readonly TakenNetwork[], pods: PodsShape | undefined): LabShape['subnet'] | undefined {
  return chooseSubnet(pods === undefined ? taken : [...taken, { network: pods.podNetwork, owner: 'the Pods' }]);
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
