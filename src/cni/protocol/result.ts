/**
 * Results of ADD: what a plugin has set up. One shape in memory, that of CNI 1.1; the JSON differs by version: 0.1 and 0.2
 * have one address per family, 0.3 and 0.4 say the family of each address, 1.1 adds fields.
 */
import { isJsonObject, memberOf } from '#model/json-document.ts';
import type { Json } from '#model/lease.ts';
import { type JsonObject, listMember, objectMember, parseObject, textMember } from './configuration.ts';
import { CNI_CODES, CniError } from './error.ts';
import { type CniVersion, isAtLeast, requireVersion } from './version.ts';

export interface CniInterface {
  readonly name: string;
  readonly mac?: string;
  /** Path of the network namespace; absent on the host. */
  readonly sandbox?: string;
  /** Since 1.1, as the two below. */
  readonly mtu?: number;
  readonly socketPath?: string;
  readonly pciID?: string;
}

export interface CniIp {
  /** With prefix length: `10.5.1.7/24`. */
  readonly address: string;
  readonly gateway?: string;
  /** Index into `interfaces`. */
  readonly interface?: number;
}

export interface CniRoute {
  readonly dst: string;
  readonly gw?: string;
  /** Since 1.1, as all below. */
  readonly mtu?: number;
  readonly advmss?: number;
  readonly priority?: number;
  readonly table?: number;
  readonly scope?: number;
}

export interface CniDns {
  readonly nameservers?: readonly string[];
  readonly domain?: string;
  readonly search?: readonly string[];
  readonly options?: readonly string[];
}

export interface CniResult {
  readonly interfaces: readonly CniInterface[];
  readonly ips: readonly CniIp[];
  readonly routes: readonly CniRoute[];
  readonly dns: CniDns;
}

const ROUTE_NUMBERS = ['mtu', 'advmss', 'priority', 'table', 'scope'] as const;

/** Reads a result of its own version, or of `assumed` when it names none (old plugins). Throws CniError 1 or 6. */
export function parseResult(text: string, assumed: CniVersion): CniResult {
  return readResult(parseObject(text, 'result'), assumed);
}

/** The same for JSON that is parsed already, such as `prevResult`. */
export function readResult(members: JsonObject, assumed: CniVersion): CniResult {
  const version = requireVersion(textMember(members, 'cniversion') ?? assumed);
  const dns = readDns(objectMember(members, 'dns') ?? {});
  if (!isAtLeast(version, '0.3.0')) return { interfaces: [], dns, ...readFamilies(members) };
  return {
    interfaces: objects(members, 'interfaces').map(readInterface),
    ips: objects(members, 'ips').map(readIp),
    routes: objects(members, 'routes').map(readRoute),
    dns,
  };
}

/** The JSON text of that version. Throws CniError 1 when the version cannot say it: 0.2.0 needs an address. */
export function encodeResult(result: CniResult, version: CniVersion): string {
  return `${JSON.stringify(resultObject(result, version), null, 4)}\n`;
}

/** The same as a value, to be put into a configuration as `prevResult`. */
export function resultObject(result: CniResult, version: CniVersion): JsonObject {
  if (!isAtLeast(version, '0.3.0')) return { cniVersion: version, ...families(result), dns: dnsObject(result.dns) };
  const latest = isAtLeast(version, '1.1.0');
  const dns = dnsObject(result.dns);
  return {
    cniVersion: version,
    ...nonEmpty(
      'interfaces',
      result.interfaces.map((entry) => interfaceObject(entry, latest)),
    ),
    ...nonEmpty(
      'ips',
      result.ips.map((entry) => ipObject(entry, version)),
    ),
    ...nonEmpty(
      'routes',
      result.routes.map((entry) => routeObject(entry, latest)),
    ),
    // Before 1.0 the object is there even when it is empty.
    ...((!isAtLeast(version, '1.0.0') || Object.keys(dns).length > 0) && { dns }),
  };
}

function readInterface(members: JsonObject): CniInterface {
  const mtu = numberMember(members, 'mtu');
  const name = textMember(members, 'name') ?? '';
  const texts = pick({
    mac: textMember(members, 'mac'),
    sandbox: textMember(members, 'sandbox'),
    socketPath: textMember(members, 'socketpath'),
    pciID: textMember(members, 'pciid'),
  });
  return { name, ...texts, ...(mtu !== undefined && { mtu }) };
}

function readIp(members: JsonObject): CniIp {
  const address = textMember(members, 'address');
  if (address === undefined) throw new CniError(CNI_CODES.decodingFailure, 'an address of the result has no address');
  const index = numberMember(members, 'interface');
  const gateway = textMember(members, 'gateway');
  return { address, ...pick({ gateway }), ...(index !== undefined && { interface: index }) };
}

function readRoute(members: JsonObject): CniRoute {
  const dst = textMember(members, 'dst');
  if (dst === undefined) throw new CniError(CNI_CODES.decodingFailure, 'a route of the result has no dst');
  const numbers = ROUTE_NUMBERS.flatMap((name) => {
    const value = numberMember(members, name);
    return value === undefined ? [] : [[name, value] as const];
  });
  return { dst, ...pick({ gw: textMember(members, 'gw') }), ...Object.fromEntries(numbers) };
}

function readDns(members: JsonObject): CniDns {
  const texts = (name: string): readonly string[] | undefined =>
    listMember(members, name)?.filter((item) => typeof item === 'string');
  const lists = { nameservers: texts('nameservers'), search: texts('search'), options: texts('options') };
  return pick({ ...lists, domain: textMember(members, 'domain') });
}

/** `ip4` and `ip6` of 0.1 and 0.2, each with routes of its own. */
function readFamilies(members: JsonObject): Pick<CniResult, 'ips' | 'routes'> {
  const parts = ['ip4', 'ip6'].map((name) => objectMember(members, name)).filter((part) => part !== undefined);
  return {
    ips: parts.map((part) =>
      readIp({ address: textMember(part, 'ip') ?? '', gateway: textMember(part, 'gateway') ?? null }),
    ),
    routes: parts.flatMap((part) => objects(part, 'routes').map(readRoute)),
  };
}

function families({ ips, routes }: CniResult): JsonObject {
  const part = (v6: boolean): Json | undefined => {
    const first = ips.find(({ address }) => isV6(address) === v6);
    if (first === undefined) return undefined;
    const own = routes.filter(({ dst }) => isV6(dst) === v6).map((route) => routeObject(route, false));
    return { ip: first.address, ...pick({ gateway: first.gateway }), ...nonEmpty('routes', own) };
  };
  const found = pick({ ip4: part(false), ip6: part(true) });
  if (Object.keys(found).length > 0) return found;
  throw new CniError(CNI_CODES.incompatibleVersion, 'cannot convert: no valid IP addresses');
}

function interfaceObject({ name, mac, sandbox, mtu, socketPath, pciID }: CniInterface, latest: boolean): JsonObject {
  return { name, ...pick({ mac, ...(latest && { mtu }), sandbox, ...(latest && { socketPath, pciID }) }) };
}

function ipObject({ address, gateway, interface: index }: CniIp, version: CniVersion): JsonObject {
  const family = isAtLeast(version, '1.0.0') ? {} : { version: isV6(address) ? '6' : '4' };
  return { ...family, ...(index !== undefined && { interface: index }), address, ...pick({ gateway }) };
}

function routeObject({ dst, gw, ...numbers }: CniRoute, latest: boolean): JsonObject {
  return { dst, ...pick({ gw }), ...(latest && numbers) };
}

function dnsObject(dns: CniDns): JsonObject {
  return pick({ ...dns });
}

function isV6(cidr: string): boolean {
  return cidr.includes(':');
}

function objects(members: JsonObject, name: string): readonly JsonObject[] {
  return (listMember(members, name) ?? []).map((item) => {
    if (isJsonObject(item)) return item;
    throw new CniError(CNI_CODES.decodingFailure, `${name} of the result has an item that is no object`);
  });
}

function numberMember(members: JsonObject, name: string): number | undefined {
  const value = memberOf(members, name);
  if (value === undefined || value === null || typeof value === 'number') return value ?? undefined;
  throw new CniError(CNI_CODES.decodingFailure, `${name} of the result must be a number`);
}

function nonEmpty(name: string, list: readonly JsonObject[]): JsonObject {
  return list.length === 0 ? {} : { [name]: list };
}

/** What is undefined, empty or an empty list is left out. */
function pick<Value>(fields: Readonly<Record<string, Value | undefined>>): Record<string, Value> {
  const kept: Record<string, Value> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined || value === '' || (Array.isArray(value) && value.length === 0)) continue;
    kept[name] = value;
  }
  return kept;
}
