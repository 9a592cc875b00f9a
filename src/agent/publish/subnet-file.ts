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
import { formatIpv4Cidr, type Ipv4Cidr, maskIpv4Cidr, parseIpv4Cidr } from '#model/cidr.ts';
import { Fault } from '#runtime/fault.ts';

export interface SubnetFile {
  readonly network: Ipv4Cidr;
  /** The lease's subnet; the file names its first usable address. */
  readonly subnet: Ipv4Cidr;
  readonly mtu: number;
  readonly masquerade: boolean;
}

export function formatSubnetFile(file: SubnetFile): string {
  const gateway = { address: file.subnet.address + 1, length: file.subnet.length };
  return [
    `FLANNEL_NETWORK=${formatIpv4Cidr(file.network)}`,
    `FLANNEL_SUBNET=${formatIpv4Cidr(gateway)}`,
    `FLANNEL_MTU=${file.mtu}`,
    `FLANNEL_IPMASQ=${file.masquerade}`,
    '',
  ].join('\n');
}

/**
 * The subnet in the text of such a file, host bits cleared: what to claim again. Quotes, comments and `export` are
 * accepted; of a comma list the items that parse count, and more than one of them means that none is to be trusted.
 */
export function parsePreviousSubnet(text: string): Ipv4Cidr | undefined {
  const line = /^\s*(?:export\s+)?FLANNEL_SUBNET\s*=\s*(["']?)([^"'#\n]*)\1\s*(?:#.*)?$/m.exec(text);
  const items = (line?.[2] ?? '').split(',').map((item) => parseIpv4Cidr(item.trim()));
  const valid = items.filter((item) => item !== undefined);
  const [only] = valid;
  return only === undefined || valid.length > 1 ? undefined : maskIpv4Cidr(only);
}

/** The previous subnet from the file at `path`; a missing or unreadable file means none. */
export function readPreviousSubnet(path: string): Ipv4Cidr | undefined {
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
