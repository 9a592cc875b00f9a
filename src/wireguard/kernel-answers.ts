/**
 * What the kernel's WireGuard answers to WG_CMD_GET_DEVICE (linux/wireguard.h): several messages, each with some peers; a
 * peer whose allowed IPs did not fit goes on in the next message with its public key alone.
 */
import { addressBits, formatIp, type Ip } from '#model/ip.ts';
import { malformed } from '#netlink/message.ts';
import type { AttributeReader, MessageReader } from '#netlink/reader.ts';
import type { ObservedDevice, ObservedPeer } from './device.ts';
import { formatEndpoint } from './endpoint.ts';
import { GENERIC_HEADER } from './generic-netlink.ts';
import { keyFromBytes, type WireguardKey } from './key.ts';

const WGDEVICE_A_PRIVATE_KEY = 3;
const WGDEVICE_A_LISTEN_PORT = 6;
const WGDEVICE_A_PEERS = 8;
const WGPEER_A_PUBLIC_KEY = 1;
const WGPEER_A_PRESHARED_KEY = 2;
const WGPEER_A_ENDPOINT = 4;
const WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL = 5;
const WGPEER_A_LAST_HANDSHAKE_TIME = 6;
const WGPEER_A_RX_BYTES = 7;
const WGPEER_A_TX_BYTES = 8;
const WGPEER_A_ALLOWEDIPS = 9;
const WGALLOWEDIP_A_IPADDR = 2;
const WGALLOWEDIP_A_CIDR_MASK = 3;
const AF_INET = 2;
const AF_INET6 = 10;

/** Part of a device, out of one message. */
export interface DevicePart {
  readonly privateKey: WireguardKey | undefined;
  readonly listenPort: number | undefined;
  readonly peers: readonly ObservedPeer[];
}

export function decodeDevice(message: MessageReader, family: number): DevicePart | undefined {
  if (message.type !== family) return undefined;
  let privateKey: WireguardKey | undefined;
  let listenPort: number | undefined;
  const peers: ObservedPeer[] = [];
  const attributes = message.attributes(GENERIC_HEADER);
  while (attributes.next()) {
    if (attributes.type === WGDEVICE_A_PRIVATE_KEY) privateKey = keyFromBytes(attributes.bytes());
    else if (attributes.type === WGDEVICE_A_LISTEN_PORT) listenPort = fixed(attributes, 2).readUInt16LE(0);
    else if (attributes.type === WGDEVICE_A_PEERS) {
      const list = attributes.nested();
      while (list.next()) peers.push(decodePeer(list.nested()));
    }
  }
  return { privateKey, listenPort, peers };
}

/** The device of all its parts, adjacent parts of one peer put together; undefined when there are none. */
export function joinDevice(parts: readonly DevicePart[]): ObservedDevice | undefined {
  if (parts.length === 0) return undefined;
  const peers: ObservedPeer[] = [];
  for (const peer of parts.flatMap((part) => part.peers)) {
    const before = peers.at(-1);
    if (before?.publicKey !== peer.publicKey) peers.push(peer);
    else peers[peers.length - 1] = { ...before, allowedIps: [...before.allowedIps, ...peer.allowedIps] };
  }
  return {
    privateKey: parts.find(({ privateKey }) => privateKey !== undefined)?.privateKey,
    listenPort: parts.find(({ listenPort }) => listenPort !== undefined)?.listenPort ?? 0,
    peers,
  };
}

function decodePeer(attributes: AttributeReader): ObservedPeer {
  let publicKey: WireguardKey | undefined;
  let presharedKey: WireguardKey | undefined;
  let endpoint: string | undefined;
  let keepaliveSeconds = 0;
  let lastHandshakeMs: number | undefined;
  let receivedBytes = 0;
  let sentBytes = 0;
  const allowedIps: string[] = [];
  while (attributes.next()) {
    if (attributes.type === WGPEER_A_PUBLIC_KEY) publicKey = keyFromBytes(attributes.bytes());
    else if (attributes.type === WGPEER_A_PRESHARED_KEY) presharedKey = keyFromBytes(attributes.bytes());
    else if (attributes.type === WGPEER_A_ENDPOINT) endpoint = decodeEndpoint(attributes.bytes());
    else if (attributes.type === WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL)
      keepaliveSeconds = fixed(attributes, 2).readUInt16LE(0);
    else if (attributes.type === WGPEER_A_LAST_HANDSHAKE_TIME) lastHandshakeMs = decodeTime(fixed(attributes, 16));
    else if (attributes.type === WGPEER_A_RX_BYTES) receivedBytes = Number(fixed(attributes, 8).readBigUInt64LE(0));
    else if (attributes.type === WGPEER_A_TX_BYTES) sentBytes = Number(fixed(attributes, 8).readBigUInt64LE(0));
    else if (attributes.type === WGPEER_A_ALLOWEDIPS) {
      const list = attributes.nested();
      while (list.next()) allowedIps.push(decodePrefix(list.nested()));
    }
  }
  if (publicKey === undefined) throw malformed('a WireGuard peer without a public key');
  return {
    publicKey,
    presharedKey,
    endpoint,
    keepaliveSeconds,
    allowedIps,
    lastHandshakeMs,
    receivedBytes,
    sentBytes,
  };
}

/** Undefined for a family that is neither. */
function decodeEndpoint(bytes: Buffer): string | undefined {
  const family = bytes.length < 16 ? 0 : bytes.readUInt16LE(0);
  if (family === AF_INET) return formatEndpoint({ address: bytes.readUInt32BE(4), port: bytes.readUInt16BE(2) });
  if (family !== AF_INET6 || bytes.length < 28) return undefined;
  const address = (bytes.readBigUInt64BE(8) << 64n) | bytes.readBigUInt64BE(16);
  return formatEndpoint({ address, port: bytes.readUInt16BE(2) });
}

/** struct __kernel_timespec; zero: never. */
function decodeTime(bytes: Buffer): number | undefined {
  const milliseconds = Number(bytes.readBigInt64LE(0)) * 1000 + Math.floor(Number(bytes.readBigInt64LE(8)) / 1e6);
  return milliseconds === 0 ? undefined : milliseconds;
}

function decodePrefix(attributes: AttributeReader): string {
  let address: Ip | undefined;
  let length = 256;
  while (attributes.next()) {
    if (attributes.type === WGALLOWEDIP_A_IPADDR) address = attributes.ip();
    else if (attributes.type === WGALLOWEDIP_A_CIDR_MASK) length = attributes.u8();
  }
  if (address === undefined || length > addressBits(address)) throw malformed('a WireGuard allowed IP that is none');
  return `${formatIp(address)}/${length}`;
}

function fixed(attributes: AttributeReader, length: number): Buffer {
  const bytes = attributes.bytes();
  if (bytes.length < length) throw malformed(`WireGuard attribute ${attributes.type} is too short`);
  return bytes;
}
