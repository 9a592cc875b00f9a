/**
 * The configuration of the plugin `weft`, read into what is to be made. What is not said follows from the subnet file, as the
 * plugin `flannel` has it; members have the names and meanings of the plugins bridge, host-local and portmap. Pure.
 */
import type { SubnetEnv } from '#cni/flannel/subnet-env.ts';
import {
  type Configuration,
  type JsonObject,
  listMember,
  objectMember,
  textMember,
} from '#cni/protocol/configuration.ts';
import { CNI_CODES, CniError } from '#cni/protocol/error.ts';
import type { CniDns, CniRoute } from '#cni/protocol/result.ts';
import { type Cidr, type Ip, parseCidr, parseIp } from '#model/ip.ts';
import { isJsonObject, memberOf } from '#model/json-document.ts';
import type { Json } from '#model/lease.ts';
import { type RangeSet, rangeOf, readRangeSets } from './address-range.ts';
import { type PortMapping, readPortMappings } from './port-mapping.ts';

/** What every command needs, DEL without a subnet file too. */
export interface NetworkPlaces {
  readonly name: string;
  /** Folder of the addresses, in host-local's layout. */
  readonly addresses: string;
  /** Folder of the records. */
  readonly records: string;
  readonly subnetFile: string | undefined;
}

export interface AttachmentPlan {
  /** By a bridge, or each container by a link of its own. */
  readonly mode: 'bridge' | 'ptp';
  readonly bridge: string;
  readonly mtu: number;
  readonly hairpin: boolean;
  readonly isGateway: boolean;
  readonly isDefaultGateway: boolean;
  readonly masquerade: boolean;
  readonly rangeSets: readonly RangeSet[];
  readonly routes: readonly ContainerRoute[];
  readonly portMappings: readonly PortMapping[];
  readonly dns: CniDns;
}

export interface ContainerRoute {
  readonly destination: Cidr;
  readonly gateway: Ip | undefined;
  /** As it was written, for the result. */
  readonly written: CniRoute;
}

const ADDRESSES = '/var/lib/cni/networks';
const RECORDS = '/var/lib/cni/weft';
const BRIDGE = 'cni0';
/** What the plugins in whose place we are can do and we cannot: to pass it over would set up something else than was asked. */
const UNSUPPORTED = [
  'vlan',
  'vlantrunk',
  'promiscmode',
  'forceaddress',
  'macspoofchk',
  'enabledad',
  'portisolation',
  'snat',
  'masqall',
  'markmasqbit',
  'externalsetmarkchain',
  'conditionsv4',
  'conditionsv6',
];
const UNSUPPORTED_IPAM = ['resolvconf', 'addresses'];
const UNSUPPORTED_RUNTIME = ['ipranges', 'bandwidth'];

/** Throws CniError 6. */
export function networkPlaces({ name, members }: Configuration): NetworkPlaces {
  const ipam = objectMember(members, 'ipam') ?? {};
  return {
    name,
    addresses: `${textMember(ipam, 'datadir') ?? ADDRESSES}/${name}`,
    records: `${textMember(members, 'datadir') ?? RECORDS}/${name}`,
    subnetFile: textMember(members, 'subnetfile'),
  };
}

/** Throws CniError 2 for what cannot be done, 6 and 7 for what is wrong. */
export function attachmentPlan({ members }: Configuration, lease: SubnetEnv): AttachmentPlan {
  const ipam = objectMember(members, 'ipam') ?? {};
  const runtime = objectMember(members, 'runtimeconfig') ?? {};
  refuseUnsupported(members, UNSUPPORTED, '');
  refuseUnsupported(ipam, UNSUPPORTED_IPAM, 'ipam.');
  refuseUnsupported(runtime, UNSUPPORTED_RUNTIME, 'runtimeConfig.');
  const mode = textMember(members, 'mode') ?? 'bridge';
  if (mode !== 'bridge' && mode !== 'ptp') throw unsupported('mode', mode);
  if (mode === 'ptp') refuseBridges(members);
  const ipamType = textMember(ipam, 'type') ?? 'host-local';
  if (ipamType !== 'host-local') throw unsupported('ipam.type', ipamType);
  const isDefaultGateway = flag(members, 'isDefaultGateway', true);
  return {
    mode,
    bridge: bridgeName(textMember(members, 'bridge') ?? BRIDGE),
    mtu: number(members, 'mtu') || lease.mtu,
    hairpin: flag(members, 'hairpinMode', true),
    isGateway: isDefaultGateway || flag(members, 'isGateway', true),
    isDefaultGateway,
    masquerade: flag(members, 'ipMasq', !lease.masquerade),
    rangeSets: readRangeSets(ipam) ?? leasedSets(lease),
    routes: [...readRoutes(ipam), ...[...lease.networks, ...lease.ipv6Networks].map((dst) => route({ dst }))],
    portMappings: readPortMappings(runtime),
    dns: readDns(members),
  };
}

function leasedSets({ subnet, ipv6Subnet }: SubnetEnv): readonly RangeSet[] {
  return [subnet, ipv6Subnet].flatMap((text) => {
    const parsed = text === undefined ? undefined : parseCidr(text);
    return parsed === undefined ? [] : [[rangeOf(parsed)]];
  });
}

function readRoutes(ipam: JsonObject): readonly ContainerRoute[] {
  return (listMember(ipam, 'routes') ?? []).map((item) => {
    if (!isJsonObject(item)) throw invalid('a route of ipam.routes is no JSON object');
    const foreign = ['mtu', 'advmss', 'priority', 'table', 'scope'].find((name) => memberOf(item, name) !== undefined);
    if (foreign !== undefined) throw unsupported(`ipam.routes.${foreign}`, memberOf(item, foreign));
    const gw = textMember(item, 'gw');
    return route({ dst: textMember(item, 'dst') ?? '', ...(gw !== undefined && { gw }) });
  });
}

function route(written: { readonly dst: string; readonly gw?: string }): ContainerRoute {
  const destination = parseCidr(written.dst);
  if (destination === undefined) throw invalid(`invalid CIDR address: ${written.dst}`);
  const gateway = written.gw === undefined ? undefined : parseIp(written.gw);
  if (written.gw !== undefined && typeof gateway !== typeof destination.address) {
    throw invalid(`gw ${written.gw} is no address of the family of ${written.dst}`);
  }
  return { destination, gateway, written };
}

function readDns(members: JsonObject): CniDns {
  const dns = objectMember(members, 'dns') ?? {};
  const texts = (name: string): readonly string[] =>
    (listMember(dns, name) ?? []).filter((item) => typeof item === 'string');
  return {
    nameservers: texts('nameservers'),
    domain: textMember(dns, 'domain') ?? '',
    search: texts('search'),
    options: texts('options'),
  };
}

function bridgeName(name: string): string {
  if (/^[^/:\s]{1,15}$/.test(name) && name !== '.' && name !== '..') return name;
  throw invalid(`bridge ${JSON.stringify(name)} is no name of an interface`);
}

function flag(members: JsonObject, name: string, usual: boolean): boolean {
  const value = memberOf(members, name.toLowerCase());
  if (value === undefined || value === null) return usual;
  if (typeof value === 'boolean') return value;
  throw new CniError(CNI_CODES.decodingFailure, `error unmarshall network config: ${name} must be true or false`);
}

function number(members: JsonObject, name: string): number {
  const value = memberOf(members, name);
  if (value === undefined || value === null) return 0;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 65_535) return value;
  throw new CniError(
    CNI_CODES.decodingFailure,
    `error unmarshall network config: ${name} must be a number up to 65535`,
  );
}

function refuseUnsupported(members: JsonObject, names: readonly string[], where: string): void {
  for (const name of names) {
    const value = memberOf(members, name);
    if (value === undefined || isEmpty(value)) continue;
    throw unsupported(`${where}${name}`, value);
  }
}

/** What only a bridge has. */
function refuseBridges(members: JsonObject): void {
  const name = ['bridge', 'hairpinMode', 'isGateway'].find(
    (each) => !isEmpty(memberOf(members, each.toLowerCase()) ?? null),
  );
  if (name !== undefined) throw invalid(`mode ptp has no bridge, but ${name} is given`);
}

function isEmpty(value: Json): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0;
  return value === null || value === false || value === 0 || value === '';
}

function unsupported(name: string, value: Json | undefined): CniError {
  const text = JSON.stringify(value ?? null).slice(0, 80);
  return new CniError(
    CNI_CODES.unsupportedField,
    `the plugin weft has no ${name}: ${text}`,
    'the plugin flannel with the plugins bridge, host-local and portmap has it',
  );
}

function invalid(message: string): CniError {
  return new CniError(CNI_CODES.invalidConfiguration, message);
}
