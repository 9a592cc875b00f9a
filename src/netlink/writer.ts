/**
 * MessageWriter: builds netlink messages one behind another in one buffer that is used again and again, so that programming
 * ten thousand peers allocates next to nothing. Messages are numbered consecutively.
 */
import type { Ip } from '#model/ip.ts';
import type { Ipv4 } from '#model/ipv4.ts';
import type { Mac } from '#model/mac.ts';
import { ATTRIBUTE_HEADER, align, NLM_F_ACK, NLM_F_REQUEST } from './message.ts';

const CAPACITY = 64 * 1024;
const LONGEST_TEXT = 255;
const LOW_HALF = (1n << 64n) - 1n;

export class MessageWriter {
  readonly bytes = new Uint8Array(CAPACITY);
  readonly #view = new DataView(this.bytes.buffer);
  #at = 0;
  #start = 0;
  #sequence = 0;
  #count = 0;

  /** Bytes written since the last clear(). */
  get length(): number {
    return this.#at;
  }

  /** Complete messages since the last clear(). */
  get count(): number {
    return this.#count;
  }

  /** Sequence number of the last message. */
  get sequence(): number {
    return this.#sequence;
  }

  clear(): void {
    this.#at = 0;
    this.#count = 0;
  }

  /** Starts a message: its header, with NLM_F_REQUEST set. */
  begin(type: number, flags: number): void {
    this.#start = this.#at;
    this.#sequence = (this.#sequence + 1) >>> 0;
    this.#at += 4;
    this.u16(type);
    this.u16(flags | NLM_F_REQUEST);
    this.u32(this.#sequence);
    this.u32(0);
  }

  end(): void {
    this.#view.setUint32(this.#start, this.#at - this.#start, true);
    this.#count++;
  }

  /** Asks the kernel to acknowledge the last message. */
  acknowledgeLast(): void {
    const at = this.#start + 6;
    this.#view.setUint16(at, this.#view.getUint16(at, true) | NLM_F_ACK, true);
  }

  u8(value: number): void {
    this.#view.setUint8(this.#at, value);
    this.#at += 1;
  }

  u16(value: number): void {
    this.#view.setUint16(this.#at, value, true);
    this.#at += 2;
  }

  u32(value: number): void {
    this.#view.setUint32(this.#at, value, true);
    this.#at += 4;
  }

  attributeU8(type: number, value: number): void {
    this.#attribute(type, 1);
    this.u8(value);
    this.#pad();
  }

  attributeU32(type: number, value: number): void {
    this.#attribute(type, 4);
    this.u32(value);
  }

  /** A 16-bit number in network order, as ports are. */
  attributePort(type: number, port: number): void {
    this.#attribute(type, 2);
    this.#view.setUint16(this.#at, port, false);
    this.#at += 2;
    this.#pad();
  }

  attributeIpv4(type: number, address: Ipv4): void {
    this.#attribute(type, 4);
    this.#view.setUint32(this.#at, address, false);
    this.#at += 4;
  }

  /** Four or sixteen bytes, by the family of the address. */
  attributeIp(type: number, address: Ip): void {
    if (typeof address === 'number') {
      this.attributeIpv4(type, address);
      return;
    }
    this.#attribute(type, 16);
    this.#view.setBigUint64(this.#at, address >> 64n, false);
    this.#view.setBigUint64(this.#at + 8, address & LOW_HALF, false);
    this.#at += 16;
  }

  attributeMac(type: number, mac: Mac): void {
    if (mac.length !== 17) throw new RangeError(`not a MAC address: ${mac}`);
    this.#attribute(type, 6);
    for (let at = 0; at < 17; at += 3) this.u8(hexDigit(mac, at) * 16 + hexDigit(mac, at + 1));
    this.#pad();
  }

  /** Text, with its terminating NUL unless that is unwanted. */
  attributeText(type: number, text: string, terminated = true): void {
    const encoded = Buffer.from(text);
    if (encoded.length > LONGEST_TEXT || encoded.includes(0)) throw new RangeError(`not a netlink text: ${text}`);
    this.#attribute(type, encoded.length + (terminated ? 1 : 0));
    this.bytes.set(encoded, this.#at);
    this.#at += encoded.length;
    if (terminated) this.u8(0);
    this.#pad();
  }

  /** An attribute whose presence is its value. */
  attributeFlag(type: number): void {
    this.#attribute(type, 0);
  }

  /** Starts an attribute that holds attributes; the result is for endNested(). */
  beginNested(type: number): number {
    const start = this.#at;
    this.#attribute(type, 0);
    return start;
  }

  endNested(start: number): void {
    this.#view.setUint16(start, this.#at - start, true);
  }

  #attribute(type: number, payload: number): void {
    this.u16(ATTRIBUTE_HEADER + payload);
    this.u16(type);
  }

  /** The buffer holds older messages: padding is written, not skipped. */
  #pad(): void {
    const end = align(this.#at);
    while (this.#at < end) this.u8(0);
  }
}

function hexDigit(text: string, at: number): number {
  const code = text.charCodeAt(at) | 0x20;
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  if (code >= 0x61 && code <= 0x66) return code - 0x57;
  throw new RangeError(`not a MAC address: ${text}`);
}
