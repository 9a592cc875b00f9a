/** The configuration that the delegate gets: the operator's, completed by what the subnet file says (spec §8.3). Pure. */
import { type Configuration, type JsonObject, listMember, textMember } from '#cni/protocol/configuration.ts';
import { CNI_CODES, CniError } from '#cni/protocol/error.ts';
import { formatCidr, formatIp, parseCidr, parseIp } from '#model/ip.ts';
import { isJsonObject, memberOf } from '#model/json-document.ts';
import type { Json } from '#model/lease.ts';
import type { FlannelConfiguration } from './flannel-configuration.ts';
import type { SubnetEnv } from './subnet-env.ts';

export interface DelegateConfiguration {
  readonly type: string;
  /** JSON with the names of every object in order, as Go writes a map. */
  readonly text: string;
}

/** Throws CniError 7 for a `delegate` or `ipam` that cannot be used. */
export function delegateConfiguration(
  config: Configuration,
  { delegate, ipam, runtimeConfig }: FlannelConfiguration,
  env: SubnetEnv,
): DelegateConfiguration {
  const { type = 'bridge' } = delegate;
  if (typeof type !== 'string') throw invalid("'delegate' dictionary, if present, must have (string) 'type' field");
  if (type === 'flannel')
    throw invalid("'delegate' dictionary must not have 'flannel' as 'type': it would call itself");
  for (const name of ['name', 'ipam']) {
    if (name in delegate) {
      throw invalid(`'delegate' dictionary must not have '${name}' field, it'll be set by flannel`);
    }
  }
  return {
    type,
    text: orderedJson({
      ipMasq: !env.masquerade,
      mtu: env.mtu,
      ...(type === 'bridge' && { isGateway: true }),
      ...delegate,
      type,
      name: config.name,
      ...(runtimeConfig !== undefined && { runtimeConfig }),
      ...(config.cniVersion !== '' && { cniVersion: config.cniVersion }),
      ipam: addressManagement(ipam, env),
    }),
  };
}

function addressManagement(ipam: JsonObject, env: SubnetEnv): JsonObject {
  const subnets = [env.subnet, env.ipv6Subnet].filter((subnet) => subnet !== undefined);
  const own = [...env.networks, ...env.ipv6Networks].map((dst) => ({ dst }));
  return {
    type: 'host-local',
    ...ipam,
    ranges: subnets.map((subnet) => [{ subnet }]),
    routes: [...(listMember(ipam, 'routes') ?? []).map(route), ...own],
  };
}

const ROUTE_NUMBERS = ['mtu', 'advmss', 'priority', 'table', 'scope'];

/** A route with the fields that routes have, and no others. */
function route(value: Json): JsonObject {
  const members = isJsonObject(value) ? value : {};
  const dst = parseCidr(textMember(members, 'dst') ?? '');
  if (dst === undefined) throw invalid('a route of ipam has no dst, or one that is no network', JSON.stringify(value));
  const gateway = textMember(members, 'gw') ?? '';
  const gw = parseIp(gateway);
  if (gateway !== '' && gw === undefined) throw invalid('gw of a route of ipam is no address', JSON.stringify(value));
  const numbers = ROUTE_NUMBERS.flatMap((name) => {
    const number = memberOf(members, name);
    return typeof number === 'number' ? [[name, number] as const] : [];
  });
  return { dst: formatCidr(dst), ...(gw !== undefined && { gw: formatIp(gw) }), ...Object.fromEntries(numbers) };
}

function orderedJson(value: JsonObject): string {
  return JSON.stringify(value, (_, item: Json) =>
    isJsonObject(item) ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1))) : item,
  );
}

function invalid(message: string, details?: string): CniError {
  return new CniError(CNI_CODES.invalidConfiguration, message, details);
}
