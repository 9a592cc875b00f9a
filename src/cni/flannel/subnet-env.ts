/**
 * The agent's subnet file as the plugin reads it: split at the first `=`, nothing quoted, nothing trimmed, unknown names
 * passed over. Errors have the words of flannel's plugin, which operators search for.
 */
import { readFileSync } from 'node:fs';
import { CNI_CODES, CniError, errorText } from '#cni/protocol/error.ts';
import { formatCidr, maskCidr, parseCidr } from '#model/ip.ts';

/** Networks as text, host bits cleared: `10.5.0.0/16`. */
export interface SubnetEnv {
  readonly networks: readonly string[];
  readonly subnet: string | undefined;
  readonly ipv6Networks: readonly string[];
  readonly ipv6Subnet: string | undefined;
  readonly mtu: number;
  /** Whether the agent masquerades, so that nobody else has to. */
  readonly masquerade: boolean;
}

const HIGHEST_MTU = 0xffff_ffff;

/** Throws CniError 11 when the file is not there (the agent will write it), 100 and more for one that is no use. */
export function loadSubnetEnv(path: string): SubnetEnv {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    const why = missing ? `open ${path}: no such file or directory` : errorText(error);
    throw new CniError(missing ? CNI_CODES.tryAgainLater : CNI_CODES.ioFailure, loadMessage(why));
  }
  try {
    return parseSubnetEnv(text, path);
  } catch (error) {
    throw new CniError(CNI_CODES.invalidConfiguration, loadMessage(errorText(error)));
  }
}

/** Throws an Error with the reason; `path` is for the message. */
export function parseSubnetEnv(text: string, path: string): SubnetEnv {
  const found: { -readonly [Name in keyof SubnetEnv]?: SubnetEnv[Name] } = {};
  for (const line of text.split('\n')) {
    const [, name = line, value] = /^([^=]*)=(.*)$/s.exec(line) ?? [];
    const read = READERS[name];
    if (read === undefined) continue;
    if (value === undefined) throw new Error(`${path}: the line ${name} has no value`);
    Object.assign(found, read(value, name));
  }
  const { networks = [], ipv6Networks = [], mtu, masquerade } = found;
  const missing = [
    ...(networks.length + ipv6Networks.length === 0 ? ['FLANNEL_NETWORK', 'FLANNEL_IPV6_NETWORK'] : []),
    ...((found.subnet ?? found.ipv6Subnet) === undefined ? ['FLANNEL_SUBNET', 'FLANNEL_IPV6_SUBNET'] : []),
    ...(mtu === undefined ? ['FLANNEL_MTU'] : []),
    ...(masquerade === undefined ? ['FLANNEL_IPMASQ'] : []),
  ];
  if (mtu === undefined || masquerade === undefined || missing.length > 0) {
    throw new Error(`${path} is missing ${missing.join(', ')}`);
  }
  return { networks, subnet: found.subnet, ipv6Networks, ipv6Subnet: found.ipv6Subnet, mtu, masquerade };
}

type Reader = (value: string, name: string) => Partial<SubnetEnv>;

const READERS: Readonly<Record<string, Reader>> = {
  FLANNEL_NETWORK: (value, name) => ({ networks: networkList(value, name, 'number') }),
  FLANNEL_SUBNET: (value, name) => ({ subnet: network(value, name, 'number') }),
  FLANNEL_IPV6_NETWORK: (value, name) => ({ ipv6Networks: networkList(value, name, 'bigint') }),
  FLANNEL_IPV6_SUBNET: (value, name) => ({ ipv6Subnet: network(value, name, 'bigint') }),
  FLANNEL_MTU: (value) => ({ mtu: parseMtu(value) }),
  FLANNEL_IPMASQ: (value) => ({ masquerade: value === 'true' }),
};

function networkList(value: string, name: string, kind: 'number' | 'bigint'): readonly string[] {
  return [...new Set(value.split(',').map((item) => network(item, name, kind)))];
}

/** `kind` is the type of an address of the family that the name asks for. */
function network(text: string, name: string, kind: 'number' | 'bigint'): string {
  const cidr = parseCidr(text);
  if (cidr === undefined || typeof cidr.address !== kind) throw new Error(`${name}: invalid CIDR address: ${text}`);
  return formatCidr(maskCidr(cidr));
}

function parseMtu(value: string): number {
  const mtu = /^\d{1,10}$/.test(value) ? Number(value) : Number.POSITIVE_INFINITY;
  if (mtu > HIGHEST_MTU) throw new Error(`FLANNEL_MTU: invalid number: ${value}`);
  return mtu;
}

function loadMessage(why: string): string {
  return `failed to load flannel 'subnet.env' file: ${why}. Check the flannel pod log for this node.`;
}
