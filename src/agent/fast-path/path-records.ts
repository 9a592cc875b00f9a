/** The values of the programs' maps as bytes, laid out as native/fast-path.bpf.c has them. Pure. */
import { ipv4CidrSize } from '#model/cidr.ts';
import type { Ipv4 } from '#model/ipv4.ts';
import { formatMac, type Mac } from '#model/mac.ts';
import type { Endpoint, PathFabric } from './path-state.ts';

/** Addresses are in network order, indexes in this machine's, which is little-endian wherever the programs run. */
export function encodeFabric({ network, subnet, tunnel }: PathFabric): Buffer {
  const bytes = Buffer.alloc(20);
  bytes.writeUInt32BE(network.address, 0);
  bytes.writeUInt32BE(mask(network.length), 4);
  bytes.writeUInt32BE(subnet.address, 8);
  bytes.writeUInt32BE(mask(subnet.length), 12);
  bytes.writeUInt32LE(tunnel, 16);
  return bytes;
}

export function decodeFabric(bytes: Buffer): PathFabric {
  return {
    network: { address: bytes.readUInt32BE(0), length: lengthOf(bytes.readUInt32BE(4)) },
    subnet: { address: bytes.readUInt32BE(8), length: lengthOf(bytes.readUInt32BE(12)) },
    tunnel: bytes.readUInt32LE(16),
  };
}

export function encodeAddress(address: Ipv4): Buffer {
  const key = Buffer.alloc(4);
  key.writeUInt32BE(address, 0);
  return key;
}

export function encodeEndpoint({ port, bridge, podMac, bridgeMac }: Endpoint): Buffer {
  const bytes = Buffer.alloc(20);
  bytes.writeUInt32LE(port, 0);
  bytes.writeUInt32LE(bridge, 4);
  writeMac(bytes, podMac, 8);
  writeMac(bytes, bridgeMac, 14);
  return bytes;
}

export function decodeEndpoint(key: Buffer, bytes: Buffer): Endpoint {
  return {
    address: key.readUInt32BE(0),
    port: bytes.readUInt32LE(0),
    bridge: bytes.readUInt32LE(4),
    podMac: formatMac(bytes.subarray(8, 14)),
    bridgeMac: formatMac(bytes.subarray(14, 20)),
  };
}

function writeMac(bytes: Buffer, mac: Mac, at: number): void {
  bytes.write(mac.replaceAll(':', ''), at, 'hex');
}

function mask(length: number): number {
  return 2 ** 32 - ipv4CidrSize(length);
}

function lengthOf(mask: number): number {
  return Math.clz32(~mask);
}
