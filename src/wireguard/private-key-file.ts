/**
 * The private key's file: `/run/flannel/wgkey`, or what $WIREGUARD_KEY_FILE names (spec §5.5). Base64 without a newline,
 * mode 0400, its directory 0755; made when it is missing. The key is in no message that comes from here.
 */
import { randomUUID } from 'node:crypto';
import { closeSync, fstatSync, fsyncSync, linkSync, mkdirSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Fault } from '#runtime/fault.ts';
import { generatePrivateKey, parseKey, type WireguardKey } from './key.ts';

export const DEFAULT_KEY_FILE = '/run/flannel/wgkey';

export interface LoadedKey {
  readonly privateKey: WireguardKey;
  /** It was not there before. */
  readonly generated: boolean;
  /** Somebody other than the owner may read it: worth a warning. The mode is left as it is. */
  readonly exposed: boolean;
}

/** White space may surround the key, nothing else. */
const MOST_BYTES = 256;

/** Reads the key, or makes one; Fault `wireguard.key` when neither goes. Of two that make one at once, both use the first. */
export function loadPrivateKey(file: string): LoadedKey {
  const before = read(file);
  if (before !== undefined) return { ...before, generated: false };
  const generated = write(file, generatePrivateKey());
  const after = read(file);
  if (after === undefined) throw keyFault(file, 'cannot keep the WireGuard private key', 'it vanished at once');
  return { ...after, generated };
}

function read(file: string): Omit<LoadedKey, 'generated'> | undefined {
  const buffer = Buffer.alloc(MOST_BYTES + 1);
  let length: number;
  let mode: number;
  try {
    const descriptor = openSync(file, 'r');
    try {
      mode = fstatSync(descriptor).mode;
      length = readSync(descriptor, buffer);
    } finally {
      closeSync(descriptor);
    }
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
    throw keyFault(file, 'cannot read the WireGuard private key', messageOf(cause));
  }
  const privateKey = length > MOST_BYTES ? undefined : parseKey(buffer.toString('latin1', 0, length));
  buffer.fill(0);
  if (privateKey !== undefined) return { privateKey, exposed: (mode & 0o077) !== 0 };
  throw keyFault(file, 'the file holds no WireGuard private key', 'a key is the base64 text of 32 bytes');
}

/** Whether it is this key that stands there now. A link never replaces a file, and is never seen half written. */
function write(file: string, key: WireguardKey): boolean {
  const temporary = join(dirname(file), `.wgkey-${randomUUID()}`);
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o755 });
    const descriptor = openSync(temporary, 'wx', 0o400);
    try {
      writeSync(descriptor, key);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    linkSync(temporary, file);
    return true;
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'EEXIST') return false;
    throw keyFault(file, 'cannot write the WireGuard private key', messageOf(cause));
  } finally {
    rmSync(temporary, { force: true });
  }
}

function keyFault(where: string, what: string, why: string): Fault {
  return new Fault('wireguard.key', { what, where, why });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
