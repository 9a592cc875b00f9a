/**
 * MessageReader and AttributeReader: cursors over received bytes. Every length is checked against what surrounds it, so
 * that hostile or cut input ends in a Fault `kernel.protocol`; each step moves on, so that it never loops.
 */
import type { Ip } from '#model/ip.ts';
import type { Ipv4 } from '#model/ipv4.ts';
import type { Mac } from '#model/mac.ts';
import { ATTRIBUTE_HEADER, align, MESSAGE_HEADER, malformed } from './message.ts';

/** The two high bits of an attribute's type are flags (nested, network byte order). */
const ATTRIBUTE_TYPE_MASK = 0x3fff;

export class MessageReader {
  readonly #bytes: Buffer;
  readonly #view: DataView;
  readonly #length: number;
  #next = 0;
  #body = 0;
  #end = 0;
  type = 0;
  flags = 0;
  sequence = 0;
  /** Port id of the socket that asked for, or caused, this message; 0 is the kernel itself. */
  port = 0;

  /** Reads the messages in the first `length` bytes. */
  constructor(bytes: Buffer, length: number = bytes.length) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#length = Math.min(length, bytes.length);
  }

  /** Moves to the next message; false at the end. */
  next(): boolean {
    const start = this.#next;
    const left = this.#length - start;
    if (left <= 0) return false;
    if (left < MESSAGE_HEADER) throw malformed(`${left} bytes behind the last message`);
    const length = this.#view.getUint32(start, true);
    if (length < MESSAGE_HEADER || length > left) throw malformed(`length ${length} with ${left} bytes left`);
    this.type = this.#view.getUint16(start + 4, true);
    this.flags = this.#view.getUint16(start + 6, true);
    this.sequence = this.#view.getUint32(start + 8, true);
    this.port = this.#view.getUint32(start + 12, true);
    this.#body = start + MESSAGE_HEADER;
    this.#end = start + length;
    this.#next = start + align(length);
    return true;
  }

  /** Bytes of the message behind its header. */
  get bodyLength(): number {
    return this.#end - this.#body;
  }

  u8(offset: number): number {
    return this.#view.getUint8(this.#field(offset, 1));
  }

  u16(offset: number): number {
    return this.#view.getUint16(this.#field(offset, 2), true);
  }

  u32(offset: number): number {
    return this.#view.getUint32(this.#field(offset, 4), true);
  }

  i32(offset: number): number {
    return this.#view.getInt32(this.#field(offset, 4), true);
  }

  /** The attributes behind the first `offset` bytes of the body. */
  attributes(offset: number): AttributeReader {
    return new AttributeReader(this.#bytes, this.#view, this.#field(offset, 0), this.#end);
  }

  #field(offset: number, size: number): number {
    const at = this.#body + offset;
    if (at + size > this.#end) throw malformed(`type ${this.type} is too short`);
    return at;
  }
}

export class AttributeReader {
  readonly #bytes: Buffer;
  readonly #view: DataView;
  readonly #end: number;
  #next: number;
  #payload = 0;
  #payloadEnd = 0;
  type = 0;

  constructor(bytes: Buffer, view: DataView, start: number, end: number) {
    this.#bytes = bytes;
    this.#view = view;
    this.#next = start;
    this.#end = end;
  }

  /** Moves to the next attribute; false at the end. */
  next(): boolean {
    const start = this.#next;
    const left = this.#end - start;
    if (left <= 0) return false;
    if (left < ATTRIBUTE_HEADER) throw malformed(`${left} bytes behind the last attribute`);
    const length = this.#view.getUint16(start, true);
    if (length < ATTRIBUTE_HEADER || length > left) throw malformed(`attribute of ${length} with ${left} bytes left`);
    this.type = this.#view.getUint16(start + 2, true) & ATTRIBUTE_TYPE_MASK;
    this.#payload = start + ATTRIBUTE_HEADER;
    this.#payloadEnd = start + length;
    this.#next = start + align(length);
    return true;
  }

  u8(): number {
    return this.#view.getUint8(this.#value(1));
  }

  u32(): number {
    return this.#view.getUint32(this.#value(4), true);
  }

  /** A 16-bit number in network order. */
  port(): number {
    return this.#view.getUint16(this.#value(2), false);
  }

  /** Undefined when it is an address of another family. */
  ipv4(): Ipv4 | undefined {
    return this.#payloadEnd - this.#payload === 4 ? this.#view.getUint32(this.#payload, false) : undefined;
  }

  /** By its length IPv4 or IPv6; undefined when it is neither. */
  ip(): Ip | undefined {
    if (this.#payloadEnd - this.#payload !== 16) return this.ipv4();
    return (this.#view.getBigUint64(this.#payload, false) << 64n) | this.#view.getBigUint64(this.#payload + 8, false);
  }

  /** Undefined when it is another kind of hardware address (a tunnel's, InfiniBand's). */
  mac(): Mac | undefined {
    if (this.#payloadEnd - this.#payload !== 6) return undefined;
    for (let at = 0; at < 6; at++) {
      const byte = this.#view.getUint8(this.#payload + at);
      MAC_TEXT[at * 3] = HEX_DIGITS.charCodeAt(byte >> 4);
      MAC_TEXT[at * 3 + 1] = HEX_DIGITS.charCodeAt(byte & 15);
    }
    return MAC_TEXT.toString('latin1');
  }

  /** Text up to its NUL or the attribute's end. */
  text(): string {
    const nul = this.#bytes.indexOf(0, this.#payload);
    const end = nul < 0 || nul > this.#payloadEnd ? this.#payloadEnd : nul;
    return this.#bytes.toString('utf8', this.#payload, end);
  }

  /** The whole payload. It lies in the buffer read from, and is what it is until that is used again. */
  bytes(): Buffer {
    return this.#bytes.subarray(this.#payload, this.#payloadEnd);
  }

  /** The attributes inside this one. */
  nested(): AttributeReader {
    return new AttributeReader(this.#bytes, this.#view, this.#payload, this.#payloadEnd);
  }

  #value(size: number): number {
    if (this.#payloadEnd - this.#payload < size) throw malformed(`attribute ${this.type} is too short`);
    return this.#payload;
  }
}

const HEX_DIGITS = '0123456789abcdef';
/** One string made by one copy stays flat: half the memory of one that is put together from pieces. */
const MAC_TEXT = Buffer.from('00:00:00:00:00:00', 'latin1');
