/**
 * Requests to the kernel's WireGuard (linux/wireguard.h): WG_CMD_GET_DEVICE, and WG_CMD_SET_DEVICE in as many messages as
 * it takes, each of them small.
 */
import { parseCidr } from '#model/ip.ts';
import { NLM_F_DUMP } from '#netlink/message.ts';
import type { MessageWriter } from '#netlink/writer.ts';
import type { PeerChange, WireguardChange } from './device.ts';
import { parseEndpoint } from './endpoint.ts';
import { attributeBytes, attributeU16, beginGeneric, beginMarkedNested } from './generic-netlink.ts';
import { keyBytes } from './key.ts';

export const FAMILY_NAME = 'wireguard';
const VERSION = 1;
const WG_CMD_GET_DEVICE = 0;
const WG_CMD_SET_DEVICE = 1;
const WGDEVICE_A_IFNAME = 2;
const WGDEVICE_A_PRIVATE_KEY = 3;
const WGDEVICE_A_LISTEN_PORT = 6;
const WGDEVICE_A_PEERS = 8;
const WGPEER_A_PUBLIC_KEY = 1;
const WGPEER_A_PRESHARED_KEY = 2;
const WGPEER_A_FLAGS = 3;
const WGPEER_A_ENDPOINT = 4;
const WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL = 5;
const WGPEER_A_ALLOWEDIPS = 9;
const WGPEER_F_REMOVE_ME = 1;
const WGPEER_F_REPLACE_ALLOWEDIPS = 2;
const WGALLOWEDIP_A_FAMILY = 1;
const WGALLOWEDIP_A_IPADDR = 2;
const WGALLOWEDIP_A_CIDR_MASK = 3;
const AF_INET = 2;
const AF_INET6 = 10;

const LOW_HALF = (1n << 64n) - 1n;

const KEY_BYTES = 32;
/** At most 44 bytes for each prefix and 200 for the rest of each peer: under 16 KiB. */
const MOST_PREFIXES = 128;
const MOST_PEERS = 32;

/** A peer, or a further part of one whose allowed IPs did not fit. */
export interface PeerPart {
  readonly change: PeerChange;
  readonly further: boolean;
}

/** One message's worth. */
export interface SetRequest {
  readonly privateKey?: string;
  readonly listenPort?: number;
  readonly peers: readonly PeerPart[];
}

export function encodeGetDevice(writer: MessageWriter, family: number, name: string): void {
  beginGeneric(writer, { family, flags: NLM_F_DUMP, command: WG_CMD_GET_DEVICE, version: VERSION });
  writer.attributeText(WGDEVICE_A_IFNAME, name);
  writer.end();
}

/** The messages for the peers of a change, in order. */
export function splitPeers(changes: readonly PeerChange[]): readonly SetRequest[] {
  const requests: SetRequest[] = [];
  let parts: PeerPart[] = [];
  let prefixes = 0;
  for (const part of changes.flatMap(partsOf)) {
    const more = part.change.type === 'set' ? (part.change.allowedIps?.length ?? 0) : 0;
    if (parts.length >= MOST_PEERS || (parts.length > 0 && prefixes + more > MOST_PREFIXES)) {
      requests.push({ peers: parts });
      [parts, prefixes] = [[], 0];
    }
    parts.push(part);
    prefixes += more;
  }
  return parts.length === 0 ? requests : [...requests, { peers: parts }];
}

function partsOf(change: PeerChange): PeerPart[] {
  if (change.type === 'remove' || change.allowedIps === undefined || change.allowedIps.length <= MOST_PREFIXES)
    return [{ change, further: false }];
  const { publicKey, allowedIps } = change;
  const parts: PeerPart[] = [];
  for (let at = 0; at < allowedIps.length; at += MOST_PREFIXES) {
    const some = allowedIps.slice(at, at + MOST_PREFIXES);
    parts.push(
      at === 0
        ? { change: { ...change, allowedIps: some }, further: false }
        : { change: { type: 'set', publicKey, allowedIps: some }, further: true },
    );
  }
  return parts;
}

/** The message for the device itself. */
export function ownSettings({ privateKey, listenPort }: WireguardChange): SetRequest | undefined {
  if (privateKey === undefined && listenPort === undefined) return undefined;
  return {
    ...(privateKey === undefined ? {} : { privateKey }),
    ...(listenPort === undefined ? {} : { listenPort }),
    peers: [],
  };
}

/** Writes one WG_CMD_SET_DEVICE. Throws RangeError for an endpoint or prefix that is none. */
export function encodeSetDevice(writer: MessageWriter, family: number, name: string, request: SetRequest): void {
  beginGeneric(writer, { family, flags: 0, command: WG_CMD_SET_DEVICE, version: VERSION });
  writer.attributeText(WGDEVICE_A_IFNAME, name);
  if (request.privateKey !== undefined) attributeBytes(writer, WGDEVICE_A_PRIVATE_KEY, keyBytes(request.privateKey));
  if (request.listenPort !== undefined) attributeU16(writer, WGDEVICE_A_LISTEN_PORT, request.listenPort);
  if (request.peers.length > 0) {
    const peers = beginMarkedNested(writer, WGDEVICE_A_PEERS);
    for (const part of request.peers) encodePeer(writer, part);
    writer.endNested(peers);
  }
  writer.end();
}

function encodePeer(writer: MessageWriter, { change, further }: PeerPart): void {
  const peer = beginMarkedNested(writer, 0);
  attributeBytes(writer, WGPEER_A_PUBLIC_KEY, keyBytes(change.publicKey));
  if (change.type === 'remove') writer.attributeU32(WGPEER_A_FLAGS, WGPEER_F_REMOVE_ME);
  else {
    const { presharedKey, endpoint, keepaliveSeconds, allowedIps } = change;
    if (presharedKey !== undefined) {
      const bytes = presharedKey === 'none' ? new Uint8Array(KEY_BYTES) : keyBytes(presharedKey);
      attributeBytes(writer, WGPEER_A_PRESHARED_KEY, bytes);
    }
    if (endpoint !== undefined) attributeBytes(writer, WGPEER_A_ENDPOINT, socketAddress(endpoint));
    if (keepaliveSeconds !== undefined) {
      attributeU16(writer, WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, keepaliveSeconds);
    }
    if (allowedIps !== undefined && !further) writer.attributeU32(WGPEER_A_FLAGS, WGPEER_F_REPLACE_ALLOWEDIPS);
    if (allowedIps !== undefined && allowedIps.length > 0) encodeAllowedIps(writer, allowedIps);
  }
  writer.endNested(peer);
}

function encodeAllowedIps(writer: MessageWriter, prefixes: readonly string[]): void {
  const list = beginMarkedNested(writer, WGPEER_A_ALLOWEDIPS);
  for (const text of prefixes) {
    const prefix = parseCidr(text);
    if (prefix === undefined) throw new RangeError(`not a prefix: ${text}`);
    const entry = beginMarkedNested(writer, 0);
    attributeU16(writer, WGALLOWEDIP_A_FAMILY, typeof prefix.address === 'number' ? AF_INET : AF_INET6);
    writer.attributeIp(WGALLOWEDIP_A_IPADDR, prefix.address);
    writer.attributeU8(WGALLOWEDIP_A_CIDR_MASK, prefix.length);
    writer.endNested(entry);
  }
  writer.endNested(list);
}

/** struct sockaddr_in or sockaddr_in6: the family in host order, port and address in network order. */
function socketAddress(text: string): Uint8Array {
  const endpoint = parseEndpoint(text);
  if (endpoint === undefined) throw new RangeError(`not an endpoint: ${text}`);
  const { address, port } = endpoint;
  const bytes = Buffer.alloc(typeof address === 'number' ? 16 : 28);
  bytes.writeUInt16BE(port, 2);
  if (typeof address === 'number') {
    bytes.writeUInt16LE(AF_INET, 0);
    bytes.writeUInt32BE(address, 4);
  } else {
    bytes.writeUInt16LE(AF_INET6, 0);
    bytes.writeBigUInt64BE(address >> 64n, 8);
    bytes.writeBigUInt64BE(address & LOW_HALF, 16);
  }
  return bytes;
}
