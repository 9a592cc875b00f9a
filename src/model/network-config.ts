/** The network document at `<prefix>/config`: parsed, validated and completed (spec §1). */
import type { Ipv4Cidr } from './cidr.ts';
import { formatIpv4, type Ipv4 } from './ipv4.ts';
import { formatIpv6, type Ipv6, type Ipv6Cidr } from './ipv6.ts';
import { foldName, isJsonObject, isShallow, jsonMembers } from './json-document.ts';
import type { Json } from './lease.ts';
import { excerpt, type NetworkFields, readNetworkFields } from './network-fields.ts';
import { completeSubnetRange } from './subnet-range.ts';

export interface NetworkConfig {
  readonly enableIpv4: boolean;
  readonly enableIpv6: boolean;
  readonly enableNftables: boolean;
  /** Present when enableIpv4: masked network, subnet length, and first and last allocatable subnet base, inclusive. */
  readonly ipv4?: {
    readonly network: Ipv4Cidr;
    readonly subnetLength: number;
    readonly subnetMin: Ipv4;
    readonly subnetMax: Ipv4;
  };
  readonly ipv6?: {
    readonly network: Ipv6Cidr;
    readonly subnetLength: number;
    readonly subnetMin: Ipv6;
    readonly subnetMax: Ipv6;
  };
  readonly backend: BackendConfig;
}

export interface BackendConfig {
  /** Lower-cased type; `udp` when the document has no Backend, empty when it has no Type. */
  readonly type: string;
  /** The Backend object as written; its keys are matched case-insensitively by the backend's own parser. */
  readonly options: { readonly [key: string]: Json };
}

/** One thing wrong with the document; all are reported at once. */
export interface ConfigProblem {
  /** Field as spelled in the specification (`SubnetLen`), empty for the document as a whole. */
  readonly field: string;
  /** The value found, as JSON text; empty when the field is missing. */
  readonly value: string;
  readonly reason: string;
}

/** One line a person can act on: `SubnetLen 31: must be less than /31`. */
export function formatConfigProblem(problem: ConfigProblem): string {
  const subject = [problem.field, problem.value].filter((part) => part !== '').join(' ');
  return subject === '' ? problem.reason : `${subject}: ${problem.reason}`;
}

/** A real one has some hundred characters and three levels; extension commands are the longest part of any. */
const LONGEST_DOCUMENT = 65_536;
const DEEPEST_DOCUMENT = 32;

/** The document's configuration, or everything that is wrong with it. */
export function parseNetworkConfig(
  text: string,
): { readonly config: NetworkConfig } | { readonly problems: readonly ConfigProblem[] } {
  if (text.length > LONGEST_DOCUMENT) {
    const reason = `the document has ${text.length} characters, at most ${LONGEST_DOCUMENT} are read`;
    return { problems: [{ field: '', value: '', reason }] };
  }
  let document: Json;
  try {
    document = JSON.parse(text);
  } catch (error) {
    return { problems: [{ field: '', value: '', reason: `the document is not valid JSON: ${messageOf(error)}` }] };
  }
  if (!isJsonObject(document)) {
    return { problems: [{ field: '', value: excerpt(text.trim()), reason: 'the document must be a JSON object' }] };
  }
  if (!isShallow(document, DEEPEST_DOCUMENT)) {
    const reason = `the document is nested more than ${DEEPEST_DOCUMENT} levels deep`;
    return { problems: [{ field: '', value: '', reason }] };
  }
  const problems: ConfigProblem[] = [];
  const fields = readNetworkFields(text, problems);
  const config = complete(fields, problems);
  return problems.length === 0 ? { config } : { problems };
}

function complete(fields: NetworkFields, problems: ConfigProblem[]): NetworkConfig {
  const { EnableIPv4: enableIpv4, EnableIPv6: enableIpv6 } = fields;
  const report = (field: string, value: string | number, reason: string): void => {
    problems.push({ field, value: JSON.stringify(value), reason });
  };
  if (!enableIpv4 && !enableIpv6) {
    problems.push({ field: 'EnableIPv4', value: 'false', reason: 'neither EnableIPv4 nor EnableIPv6 is true' });
  }
  const network4 = enableIpv4 ? present(fields, 'Network', problems) : undefined;
  const network6 = enableIpv6 ? present(fields, 'IPv6Network', problems) : undefined;
  const range4 =
    enableIpv4 &&
    completeSubnetRange(
      {
        bits: 32,
        prefix: '',
        network: network4 && { address: BigInt(network4.address), length: network4.length },
        subnetLength: fields.unreadable.has('SubnetLen') ? undefined : fields.SubnetLen,
        subnetMin: BigInt(fields.SubnetMin),
        subnetMax: BigInt(fields.SubnetMax),
        format: (address) => formatIpv4(Number(address)),
      },
      report,
    );
  const range6 =
    enableIpv6 &&
    completeSubnetRange(
      {
        bits: 128,
        prefix: 'IPv6',
        network: network6,
        subnetLength: fields.unreadable.has('IPv6SubnetLen') ? undefined : fields.IPv6SubnetLen,
        subnetMin: fields.IPv6SubnetMin,
        subnetMax: fields.IPv6SubnetMax,
        format: formatIpv6,
      },
      report,
    );
  return {
    enableIpv4,
    enableIpv6,
    enableNftables: fields.EnableNFTables,
    ...(range4 && network4
      ? {
          ipv4: {
            network: network4,
            subnetLength: range4.subnetLength,
            subnetMin: Number(range4.subnetMin),
            subnetMax: Number(range4.subnetMax),
          },
        }
      : {}),
    ...(range6 ? { ipv6: range6 } : {}),
    backend: parseBackend(fields.Backend, problems),
  };
}

/** The network of an enabled family; a missing one (or `0.0.0.0/0`, which Go takes for missing) is a problem. */
function present<Name extends 'Network' | 'IPv6Network'>(
  fields: NetworkFields,
  name: Name,
  problems: ConfigProblem[],
): NetworkFields[Name] {
  const network = fields[name];
  if (fields.unreadable.has(name)) return undefined;
  if (network !== undefined && network.length > 0) return network;
  const value = network === undefined ? '' : name === 'Network' ? '"0.0.0.0/0"' : '"::/0"';
  const family = name === 'Network' ? 'EnableIPv4' : 'EnableIPv6';
  problems.push({
    field: name,
    value,
    reason: `define the network that the subnets are taken from (${family} is true)`,
  });
  return undefined;
}

function parseBackend(text: string | undefined, problems: ConfigProblem[]): BackendConfig {
  if (text === undefined) return { type: 'udp', options: {} };
  const options: Json = JSON.parse(text);
  if (options === null) return { type: '', options: {} };
  if (!isJsonObject(options)) {
    problems.push({ field: 'Backend', value: excerpt(text), reason: 'must be an object such as {"Type": "vxlan"}' });
    return { type: '', options: {} };
  }
  let type = '';
  for (const member of jsonMembers(text)) {
    if (foldName(member.name) !== 'type' || member.text === 'null') continue;
    const value: Json = JSON.parse(member.text);
    if (typeof value === 'string') type = value.toLowerCase();
    else
      problems.push({ field: 'Backend.Type', value: excerpt(member.text), reason: 'must be a string such as "vxlan"' });
  }
  return { type, options };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
