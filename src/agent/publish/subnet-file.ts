/**
 * The subnet file (`/run/flannel/subnet.env`): how docker, CNI and the next start of the agent learn the subnet (spec §4.1).
 * Text and reader are pure; writing is atomic and durable, keeps the mode of a file that is there, and leaves an
 * unchanged file alone.
 */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fchmodSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { maskIpv4Cidr, parseIpv4Cidr } from '#model/cidr.ts';
import { type Cidr, formatCidr } from '#model/ip.ts';
import { maskIpv6Cidr, parseIpv6Cidr } from '#model/ipv6.ts';
import { type SubnetKey, subnetKeyOf } from '#model/subnet-key.ts';
import { Fault } from '#runtime/fault.ts';

export interface SubnetFile {
  /** For each family that the network has. */
  readonly ipv4?: SubnetFilePart;
  readonly ipv6?: SubnetFilePart;
  readonly mtu: number;
  readonly masquerade: boolean;
}

export interface SubnetFilePart {
  readonly network: Cidr;
  /** The lease's subnet; the file names its first usable address. */
  readonly subnet: Cidr;
}

export function formatSubnetFile(file: SubnetFile): string {
  return [
    ...partLines('FLANNEL_', file.ipv4),
    ...partLines('FLANNEL_IPV6_', file.ipv6),
    `FLANNEL_MTU=${file.mtu}`,
    `FLANNEL_IPMASQ=${file.masquerade}`,
    '',
  ].join('\n');
}

function partLines(prefix: string, part: SubnetFilePart | undefined): readonly string[] {
  if (part === undefined) return [];
  const { address, length } = part.subnet;
  const gateway = typeof address === 'number' ? address + 1 : address + 1n;
  return [
    `${prefix}NETWORK=${formatCidr(part.network)}`,
    `${prefix}SUBNET=${formatCidr({ address: gateway, length })}`,
  ];
}

/**
 * The subnets in the text of such a file, host bits cleared: what to claim again. Quotes, comments and `export` are
 * accepted; of a comma list the items that parse count, and more than one of them means that none is to be trusted.
 * Undefined when there is none of either family.
 */
export function parsePreviousSubnet(text: string): SubnetKey | undefined {
  const ipv4 = only(items(text, 'FLANNEL_SUBNET').map(parseIpv4Cidr));
  const ipv6 = only(items(text, 'FLANNEL_IPV6_SUBNET').map(parseIpv6Cidr));
  return subnetKeyOf({ ipv4: ipv4 && maskIpv4Cidr(ipv4), ipv6: ipv6 && maskIpv6Cidr(ipv6) });
}

function items(text: string, name: string): readonly string[] {
  const pattern = new RegExp(`^\\s*(?:export\\s+)?${name}\\s*=\\s*(["']?)([^"'#\\n]*)\\1\\s*(?:#.*)?$`, 'm');
  return (pattern.exec(text)?.[2] ?? '').split(',').map((item) => item.trim());
}

function only<Item>(parsed: readonly (Item | undefined)[]): Item | undefined {
  const valid = parsed.filter((item) => item !== undefined);
  return valid.length > 1 ? undefined : valid[0];
}

/** The previous subnets from the file at `path`; a missing or unreadable file means none. */
export function readPreviousSubnet(path: string): SubnetKey | undefined {
  try {
    return parsePreviousSubnet(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

const NEW_FILE_MODE = 0o644;

/** Writes the file unless it has that text already; says whether it wrote. Throws Fault `host.subnet-file`. */
export function writeSubnetFile(path: string, text: string): boolean {
  const temporary = join(dirname(path), `.${basename(path)}${randomBytes(6).toString('hex')}`);
  try {
    const mode = existing(path);
    if (mode !== undefined && readFileSync(path, 'utf8') === text) return false;
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    writeDurably(temporary, text, mode ?? NEW_FILE_MODE);
    renameSync(temporary, path);
    return true;
  } catch (error) {
    rmSync(temporary, { force: true });
    throw new Fault('host.subnet-file', {
      what: 'cannot write the subnet file',
      where: path,
      why: error instanceof Error ? error.message : String(error),
      cause: error,
    });
  }
}

/** Mode bits of a file that is there. */
function existing(path: string): number | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? undefined : stat.mode & 0o777;
}

function writeDurably(path: string, text: string, mode: number): void {
  const fd = openSync(path, 'wx', mode);
  try {
    fchmodSync(fd, mode);
    writeSync(fd, text);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
