/**
 * The text that implementations of WireGuard in user space speak over their unix socket (wireguard.com/xplatform): `get=1`
 * and `set=1`, a `key=value` per line, an empty line at the end. Keys are in hexadecimal there.
 */
import { getSystemErrorMap } from 'node:util';
import { formatCidr, parseCidr } from '#model/ip.ts';
import { Fault } from '#runtime/fault.ts';
import type { ObservedDevice, ObservedPeer, PeerChange, WireguardChange } from './device.ts';
import { formatEndpoint, parseEndpoint } from './endpoint.ts';
import { keyBytes, keyFromBytes, type WireguardKey } from './key.ts';

export const GET_REQUEST = 'get=1\n\n';
const NO_KEY = '0'.repeat(64);
/** More than 100,000 peers are no fleet but an attack. */
const MOST_PEERS = 100_000;
const MOST_ALLOWED_IPS = 1_000_000;

/** The request that makes these changes. It holds secrets. */
export function formatSetRequest(change: WireguardChange): string {
  const lines = ['set=1'];
  if (change.privateKey !== undefined) lines.push(`private_key=${hex(change.privateKey)}`);
  if (change.listenPort !== undefined) lines.push(`listen_port=${change.listenPort}`);
  for (const peer of change.peers) pushPeer(lines, peer);
  return `${lines.join('\n')}\n\n`;
}

function pushPeer(lines: string[], change: PeerChange): void {
  lines.push(`public_key=${hex(change.publicKey)}`);
  if (change.type === 'remove') {
    lines.push('remove=true');
    return;
  }
  const { presharedKey, endpoint, keepaliveSeconds, allowedIps } = change;
  if (presharedKey !== undefined) lines.push(`preshared_key=${presharedKey === 'none' ? NO_KEY : hex(presharedKey)}`);
  if (endpoint !== undefined) lines.push(`endpoint=${endpoint}`);
  if (keepaliveSeconds !== undefined) lines.push(`persistent_keepalive_interval=${keepaliveSeconds}`);
  if (allowedIps === undefined) return;
  lines.push('replace_allowed_ips=true', ...allowedIps.map((prefix) => `allowed_ip=${prefix}`));
}

/** What went wrong, in words; undefined when the answer says `errno=0`. */
export function refusalOf(answer: string): string | undefined {
  const errno = Math.abs(Number(/(?:^|\n)errno=(-?\d{1,9})\n/.exec(answer)?.[1] ?? Number.NaN));
  if (errno === 0) return undefined;
  if (Number.isNaN(errno)) throw malformed('it has no errno');
  const [code, text] = getSystemErrorMap().get(-errno) ?? [`errno ${errno}`, 'see errno.h'];
  return `${code}: ${text}`;
}

interface PeerDraft {
  publicKey: WireguardKey;
  presharedKey: WireguardKey | undefined;
  endpoint: string | undefined;
  keepaliveSeconds: number;
  allowedIps: string[];
  handshakeSeconds: number;
  handshakeNanoseconds: number;
  receivedBytes: number;
  sentBytes: number;
}

/** Reads the answer to GET_REQUEST. Lines of a kind that is not known are passed over, as the protocol wants it. */
export function parseGetAnswer(answer: string): ObservedDevice {
  const drafts: PeerDraft[] = [];
  let privateKey: WireguardKey | undefined;
  let listenPort = 0;
  let prefixes = 0;
  for (const line of answer.split('\n')) {
    const equals = line.indexOf('=');
    const name = line.slice(0, Math.max(equals, 0));
    const value = line.slice(equals + 1);
    const peer = drafts.at(-1);
    if (name === 'public_key') {
      drafts.push(newDraft(requiredKey(value)));
      if (drafts.length > MOST_PEERS) throw malformed(`more than ${MOST_PEERS} peers`);
    } else if (peer === undefined) {
      if (name === 'private_key') privateKey = key(value);
      else if (name === 'listen_port') listenPort = whole(value);
    } else if (name === 'preshared_key') peer.presharedKey = key(value);
    else if (name === 'endpoint') peer.endpoint = canonicalEndpoint(value);
    else if (name === 'persistent_keepalive_interval') peer.keepaliveSeconds = whole(value);
    else if (name === 'last_handshake_time_sec') peer.handshakeSeconds = whole(value);
    else if (name === 'last_handshake_time_nsec') peer.handshakeNanoseconds = whole(value);
    else if (name === 'rx_bytes') peer.receivedBytes = whole(value);
    else if (name === 'tx_bytes') peer.sentBytes = whole(value);
    else if (name === 'allowed_ip') {
      prefixes += 1;
      if (prefixes > MOST_ALLOWED_IPS) throw malformed(`more than ${MOST_ALLOWED_IPS} allowed IPs`);
      peer.allowedIps.push(canonicalPrefix(value));
    }
  }
  return { privateKey, listenPort, peers: drafts.map(finish) };
}

function newDraft(publicKey: WireguardKey): PeerDraft {
  return {
    publicKey,
    presharedKey: undefined,
    endpoint: undefined,
    keepaliveSeconds: 0,
    allowedIps: [],
    handshakeSeconds: 0,
    handshakeNanoseconds: 0,
    receivedBytes: 0,
    sentBytes: 0,
  };
}

function finish({ handshakeSeconds, handshakeNanoseconds, ...peer }: PeerDraft): ObservedPeer {
  const handshakeMs = handshakeSeconds * 1000 + Math.floor(handshakeNanoseconds / 1e6);
  return { ...peer, lastHandshakeMs: handshakeMs === 0 ? undefined : handshakeMs };
}

/** An endpoint with a zone (`[fe80::1%eth0]:1`) has no other form than the one it is in. */
function canonicalEndpoint(text: string): string {
  const parsed = parseEndpoint(text);
  return parsed === undefined ? text : formatEndpoint(parsed);
}

function canonicalPrefix(text: string): string {
  const parsed = parseCidr(text);
  if (parsed === undefined) throw malformed('an allowed IP that is no prefix');
  return formatCidr(parsed);
}

function requiredKey(value: string): WireguardKey {
  const parsed = key(value);
  if (parsed === undefined) throw malformed('a peer without a public key');
  return parsed;
}

/** Undefined for the key that is all zero. */
function key(value: string): WireguardKey | undefined {
  if (!/^[\da-f]{64}$/i.test(value)) throw malformed('a key that is not 64 hexadecimal digits');
  return keyFromBytes(Buffer.from(value, 'hex'));
}

function whole(value: string): number {
  const number = Number(value);
  if (!/^\d{1,20}$/.test(value)) throw malformed('a number that is none');
  return number;
}

function hex(wireguardKey: WireguardKey): string {
  return keyBytes(wireguardKey).toString('hex');
}

/** The text itself stays out: it has keys in it. */
function malformed(why: string): Fault {
  return new Fault('wireguard.device', { what: 'the answer of the WireGuard program cannot be read', why });
}
