/** Ports of the host that lead to a container: read from what the runtime gives, as the plugin portmap has them. Pure. */
import { type JsonObject, listMember, textMember } from '#cni/protocol/configuration.ts';
import { CNI_CODES, CniError } from '#cni/protocol/error.ts';
import { type Ip, parseIp } from '#model/ip.ts';
import { isJsonObject, memberOf } from '#model/json-document.ts';

export interface PortMapping {
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  /** The host's address that alone is meant; 0.0.0.0 and `::` are all of their family; undefined: all of both. */
  readonly hostIp: Ip | undefined;
}

const PROTOCOLS = ['tcp', 'udp', 'sctp'] as const;

/** Throws CniError 6, 7. Mappings without a host port say nothing and are left out. */
export function readPortMappings(runtime: JsonObject): readonly PortMapping[] {
  return (listMember(runtime, 'portmappings') ?? []).flatMap((item) => {
    if (!isJsonObject(item)) throw invalid('an item of portMappings is no JSON object');
    const hostPort = port(item, 'hostPort', 0);
    if (hostPort === 0) return [];
    const text = (textMember(item, 'protocol') ?? 'tcp').toLowerCase();
    const protocol = PROTOCOLS.find((each) => each === text);
    if (protocol === undefined) throw invalid(`portMappings has the protocol ${text}, which is none of tcp, udp, sctp`);
    const address = textMember(item, 'hostip') ?? '';
    const hostIp = address === '' ? undefined : parseIp(address);
    if (address !== '' && hostIp === undefined)
      throw invalid(`portMappings has the hostIP ${address}, which is no address`);
    return { hostPort, containerPort: port(item, 'containerPort', 1), protocol, hostIp };
  });
}

function port(item: JsonObject, name: string, least: number): number {
  const value = memberOf(item, name.toLowerCase()) ?? 0;
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= 65_535) return value;
  throw invalid(`portMappings has the ${name} ${JSON.stringify(value).slice(0, 40)}, which is no port`);
}

function invalid(message: string): CniError {
  return new CniError(CNI_CODES.invalidConfiguration, message);
}
