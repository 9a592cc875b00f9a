/**
 * A kernel with WireGuard in memory, below the netlink socket: it takes and gives the very bytes (linux/wireguard.h) and
 * refuses what Linux refuses, by a parser of its own. The kernels that this project is developed on have no WireGuard, so
 * this and bytes recorded from another program are what the kernel way is tested with.
 */
import type { Native } from '#netlink/native.ts';
import { publicKeyOf } from './key.ts';

const FAMILY = 0x1f;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NLM_F_MULTI = 2;
const NLM_F_ACK = 4;
const NLM_F_DUMP = 0x300;
const CTRL = 16;
const EINVAL = 22;
const ENOENT = 2;
const ENODEV = 19;
const ENOMEM = 12;
const EOPNOTSUPP = 95;
const NESTED = 0x8000;

interface KernelPeer {
  presharedKey: Buffer;
  endpoint: Buffer | undefined;
  keepalive: number;
  /** `hex address/length`. */
  prefixes: Set<string>;
}

interface KernelDevice {
  privateKey: Buffer;
  port: number;
  readonly peers: Map<string, KernelPeer>;
}

interface Attribute {
  readonly type: number;
  readonly nested: boolean;
  readonly payload: Buffer;
}

/** Thrown inside, answered as NLMSG_ERROR. */
class Refused extends Error {
  readonly errno: number;

  constructor(errno: number) {
    super(`errno ${errno}`);
    this.errno = errno;
  }
}

export class WireguardTestKernel implements Native {
  readonly interfaceVersion = 0;
  readonly devices = new Map<string, KernelDevice>();
  /** Every request as it came, in hexadecimal. */
  readonly requests: string[] = [];
  /** Base64 keys of peers for which there is no memory. */
  readonly noMemoryFor = new Set<string>();
  readonly #hasWireguard: boolean;
  readonly #answers: Buffer[] = [];
  open = 0;

  constructor(options: { readonly wireguard: boolean } = { wireguard: true }) {
    this.#hasWireguard = options.wireguard;
  }

  addDevice(name: string): KernelDevice {
    const device = { privateKey: Buffer.alloc(32), port: 0, peers: new Map() };
    this.devices.set(name, device);
    return device;
  }

  openNetlink(protocol: number): number {
    if (protocol !== 16) throw new Error(`protocol ${protocol}`);
    this.open += 1;
    return 3;
  }

  send(_fd: number, bytes: Uint8Array, offset: number, length: number): void {
    let left = Buffer.from(bytes.subarray(offset, offset + length));
    while (left.length > 0) {
      const size = left.readUInt32LE(0);
      this.#take(left.subarray(0, size));
      left = left.subarray((size + 3) & ~3);
    }
  }

  receive(_fd: number, buffer: Uint8Array, wait: boolean): number {
    const answer = this.#answers.shift();
    if (answer === undefined && wait) throw new Error('a request that is never answered');
    if (answer === undefined) return 0;
    buffer.set(answer);
    return answer.length;
  }

  close(): void {
    this.open -= 1;
  }

  portId(): number {
    return 4711;
  }

  inNamespace<Result>(_path: string, run: () => Result): Result {
    return run();
  }

  joinGroup(): void {
    throw new Error('unused');
  }

  ignorePort(): void {
    throw new Error('unused');
  }

  poll(): void {
    throw new Error('unused');
  }

  unpoll(): void {
    throw new Error('unused');
  }

  sendDatagram(): void {
    throw new Error('unused');
  }

  bindDatagram(): number {
    throw new Error('unused');
  }

  trimHeap(): void {
    throw new Error('unused');
  }

  sendLater(): void {
    throw new Error('unused');
  }

  #take(message: Buffer): void {
    this.requests.push(message.toString('hex'));
    const type = message.readUInt16LE(4);
    const flags = message.readUInt16LE(6);
    const sequence = message.readUInt32LE(8);
    const answer = (answerType: number, body: Buffer, answerFlags = 0): void => {
      const head = Buffer.alloc(16);
      head.writeUInt32LE(16 + body.length, 0);
      head.writeUInt16LE(answerType, 4);
      head.writeUInt16LE(answerFlags, 6);
      head.writeUInt32LE(sequence, 8);
      this.#answers.push(Buffer.concat([head, body]));
    };
    const error = (errno: number): void => {
      const code = Buffer.alloc(4);
      code.writeInt32LE(-errno);
      answer(NLMSG_ERROR, Buffer.concat([code, message.subarray(0, 16)]), 0x100);
    };
    try {
      const command = message.readUInt8(16);
      if (message.readUInt16LE(18) !== 0) throw new Refused(EINVAL);
      const attributes = parse(message.subarray(20));
      if (type === CTRL) {
        if (command !== 3 || text(one(attributes, 2)) !== 'wireguard' || !this.#hasWireguard) throw new Refused(ENOENT);
        answer(CTRL, Buffer.concat([Buffer.from([1, 2, 0, 0]), attribute(1, u16(FAMILY))]));
      } else if (type !== FAMILY || !this.#hasWireguard) throw new Refused(ENOENT);
      else if (command === 0) {
        if ((flags & NLM_F_DUMP) !== NLM_F_DUMP) throw new Refused(EOPNOTSUPP);
        for (const body of this.#describe(attributes)) answer(FAMILY, body, NLM_F_MULTI);
        answer(NLMSG_DONE, Buffer.alloc(4), NLM_F_MULTI);
        return;
      } else if (command === 1) this.#set(attributes);
      else throw new Refused(EOPNOTSUPP);
      if ((flags & NLM_F_ACK) !== 0) error(0);
    } catch (refused) {
      if (!(refused instanceof Refused)) throw refused;
      error(refused.errno);
    }
  }

  #device(attributes: readonly Attribute[]): KernelDevice {
    const device = this.devices.get(text(one(attributes, 2)));
    if (device === undefined) throw new Refused(ENODEV);
    return device;
  }

  #set(attributes: readonly Attribute[]): void {
    known(attributes, [2, 3, 6, 8], [8]);
    const device = this.#device(attributes);
    const port = find(attributes, 6, 2);
    if (port !== undefined) device.port = port.readUInt16LE(0);
    const privateKey = find(attributes, 3, 32);
    if (privateKey !== undefined) {
      device.privateKey = Buffer.from(privateKey);
      device.peers.delete(publicKeyOf(privateKey.toString('base64')));
    }
    for (const peer of parse(find(attributes, 8) ?? Buffer.alloc(0))) {
      if (!peer.nested) throw new Refused(EINVAL);
      this.#setPeer(device, parse(peer.payload));
    }
  }

  #setPeer(device: KernelDevice, attributes: readonly Attribute[]): void {
    known(attributes, [1, 2, 3, 4, 5, 9], [9]);
    const publicKey = one(attributes, 1, 32).toString('base64');
    const flags = find(attributes, 3, 4)?.readUInt32LE(0) ?? 0;
    if ((flags & ~7) !== 0) throw new Refused(EOPNOTSUPP);
    if ((flags & 1) !== 0) {
      device.peers.delete(publicKey);
      return;
    }
    // The kernel passes over a peer that is the device itself, without a word.
    if (publicKey === publicKeyOf(device.privateKey.toString('base64'))) return;
    if (this.noMemoryFor.has(publicKey)) throw new Refused(ENOMEM);
    const peer = device.peers.get(publicKey) ?? {
      presharedKey: Buffer.alloc(32),
      endpoint: undefined,
      keepalive: 0,
      prefixes: new Set(),
    };
    device.peers.set(publicKey, peer);
    peer.presharedKey = Buffer.from(find(attributes, 2, 32) ?? peer.presharedKey);
    const endpoint = find(attributes, 4);
    if (endpoint !== undefined) peer.endpoint = checkedEndpoint(endpoint);
    peer.keepalive = find(attributes, 5, 2)?.readUInt16LE(0) ?? peer.keepalive;
    if ((flags & 2) !== 0) peer.prefixes.clear();
    for (const entry of parse(find(attributes, 9) ?? Buffer.alloc(0))) {
      if (!entry.nested) throw new Refused(EINVAL);
      const prefix = checkedPrefix(parse(entry.payload));
      for (const other of device.peers.values()) other.prefixes.delete(prefix);
      peer.prefixes.add(prefix);
    }
  }

  /** Two peers and two prefixes in a message, so that everything is continued somewhere. */
  #describe(attributes: readonly Attribute[]): readonly Buffer[] {
    known(attributes, [2], []);
    const device = this.#device(attributes);
    const name = attribute(2, one(attributes, 2));
    const parts: Buffer[] = [];
    for (const [key, peer] of device.peers) {
      const prefixes = [...peer.prefixes].map(prefixAttribute);
      const head = [
        attribute(1, Buffer.from(key, 'base64')),
        attribute(2, peer.presharedKey),
        ...(peer.endpoint === undefined ? [] : [attribute(4, peer.endpoint)]),
        attribute(5, u16(peer.keepalive)),
        attribute(6, Buffer.concat([u64(1_700_000_000n), u64(500_000_000n)])),
        attribute(7, u64(1234n)),
        attribute(8, u64(5678n)),
        attribute(10, Buffer.from([1, 0, 0, 0])),
      ];
      parts.push(
        attribute(NESTED, Buffer.concat([...head, attribute(9 | NESTED, Buffer.concat(prefixes.slice(0, 2)))])),
      );
      for (let at = 2; at < prefixes.length; at += 2) {
        const more = attribute(9 | NESTED, Buffer.concat(prefixes.slice(at, at + 2)));
        parts.push(attribute(NESTED, Buffer.concat([attribute(1, Buffer.from(key, 'base64')), more])));
      }
    }
    const own = [
      attribute(1, Buffer.from([7, 0, 0, 0])),
      name,
      attribute(3, device.privateKey),
      attribute(6, u16(device.port)),
      attribute(7, Buffer.alloc(4)),
    ];
    const bodies = [Buffer.concat([Buffer.from([0, 1, 0, 0]), ...own, peersAttribute(parts.slice(0, 2))])];
    for (let at = 2; at < parts.length; at += 2) {
      bodies.push(Buffer.concat([Buffer.from([0, 1, 0, 0]), name, peersAttribute(parts.slice(at, at + 2))]));
    }
    return bodies;
  }
}

function parse(bytes: Buffer): readonly Attribute[] {
  const found: Attribute[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (bytes.length - at < 4) throw new Refused(EINVAL);
    const length = bytes.readUInt16LE(at);
    const type = bytes.readUInt16LE(at + 2);
    if (length < 4 || at + length > bytes.length) throw new Refused(EINVAL);
    const payload = bytes.subarray(at + 4, at + length);
    found.push({ type: type & 0x3fff, nested: (type & NESTED) !== 0, payload });
    const next = at + ((length + 3) & ~3);
    if (bytes.subarray(at + length, next).some((byte) => byte !== 0)) throw new Refused(EINVAL);
    at = next;
  }
  return found;
}

/** Strict validation (since Linux 5.2): no unknown types, and what holds attributes is marked as nested. */
function known(attributes: readonly Attribute[], types: readonly number[], nested: readonly number[]): void {
  for (const { type, nested: marked } of attributes) {
    if (!types.includes(type) || marked !== nested.includes(type)) throw new Refused(EINVAL);
  }
}

function find(attributes: readonly Attribute[], type: number, length?: number): Buffer | undefined {
  const found = attributes.findLast((attribute) => attribute.type === type)?.payload;
  if (found !== undefined && length !== undefined && found.length !== length) throw new Refused(EINVAL);
  return found;
}

function one(attributes: readonly Attribute[], type: number, length?: number): Buffer {
  const found = find(attributes, type, length);
  if (found === undefined) throw new Refused(EINVAL);
  return found;
}

function text(bytes: Buffer): string {
  if (bytes.at(-1) !== 0 || bytes.length > 16) throw new Refused(EINVAL);
  return bytes.toString('latin1', 0, bytes.length - 1);
}

function checkedEndpoint(bytes: Buffer): Buffer {
  const family = bytes.length < 16 ? 0 : bytes.readUInt16LE(0);
  if (!(family === 2 && bytes.length === 16) && !(family === 10 && bytes.length === 28)) throw new Refused(EINVAL);
  return Buffer.from(bytes);
}

function checkedPrefix(attributes: readonly Attribute[]): string {
  known(attributes, [1, 2, 3], []);
  const family = one(attributes, 1, 2).readUInt16LE(0);
  const address = one(attributes, 2);
  const length = one(attributes, 3, 1).readUInt8(0);
  const bytes = family === 2 ? 4 : family === 10 ? 16 : -1;
  if (address.length !== bytes || length > bytes * 8) throw new Refused(EINVAL);
  return `${address.toString('hex')}/${length}`;
}

function prefixAttribute(prefix: string): Buffer {
  const [hex = '', length] = prefix.split('/');
  const address = Buffer.from(hex, 'hex');
  const family = u16(address.length === 4 ? 2 : 10);
  return attribute(
    NESTED,
    Buffer.concat([attribute(1, family), attribute(2, address), attribute(3, Buffer.from([Number(length)]))]),
  );
}

function peersAttribute(parts: readonly Buffer[]): Buffer {
  return parts.length === 0 ? Buffer.alloc(0) : attribute(8 | NESTED, Buffer.concat(parts));
}

function attribute(type: number, payload: Buffer): Buffer {
  const bytes = Buffer.alloc((4 + payload.length + 3) & ~3);
  bytes.writeUInt16LE(4 + payload.length, 0);
  bytes.writeUInt16LE(type, 2);
  payload.copy(bytes, 4);
  return bytes;
}

function u16(value: number): Buffer {
  return Buffer.from([value & 255, value >>> 8]);
}

function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
}
