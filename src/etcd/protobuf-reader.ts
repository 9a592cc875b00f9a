/**
 * Reads protobuf messages, field by field, without copying. The bytes are hostile: every read is bounds-checked, a
 * wrong wire type or a number out of range is a Fault `etcd.protocol`, and unknown fields are skipped.
 */
import { Fault } from '#runtime/fault.ts';

const VARINT = 0;
const FIXED64 = 1;
const DELIMITED = 2;
const FIXED32 = 5;
const TWO_32 = 2 ** 32;

export class ProtobufReader {
  readonly #buffer: Buffer;
  readonly #end: number;
  #at: number;
  #wire = VARINT;
  #low = 0;
  #high = 0;

  constructor(buffer: Buffer, start = 0, end = buffer.length) {
    this.#buffer = buffer;
    this.#at = start;
    this.#end = end;
  }

  /** The number of the next field, whose value must then be read or skipped; 0 at the end. */
  field(): number {
    if (this.#at >= this.#end) return 0;
    this.#varint();
    if (this.#high !== 0) throw malformed('a field number is out of range');
    this.#wire = this.#low & 7;
    const number = this.#low >>> 3;
    if (number === 0) throw malformed('a field has number 0');
    return number;
  }

  /** An int64 or uint64 that must be a safe integer. */
  integer(): number {
    this.#want(VARINT);
    this.#varint();
    const value = (this.#high | 0) * TWO_32 + this.#low;
    if (!Number.isSafeInteger(value)) throw malformed('an integer is out of range');
    return value;
  }

  /** An int64. */
  bigInteger(): bigint {
    this.#want(VARINT);
    this.#varint();
    if (this.#high === 0 && this.#low === 0) return 0n;
    return (BigInt(this.#high | 0) << 32n) + BigInt(this.#low);
  }

  boolean(): boolean {
    this.#want(VARINT);
    this.#varint();
    return this.#low !== 0 || this.#high !== 0;
  }

  /** A string or bytes field as UTF-8 text; what is not UTF-8 becomes U+FFFD. */
  text(): string {
    const end = this.#delimitedEnd();
    const text = this.#buffer.toString('utf8', this.#at, end);
    this.#at = end;
    return text;
  }

  /** An embedded message. */
  message(): ProtobufReader {
    const end = this.#delimitedEnd();
    const inner = new ProtobufReader(this.#buffer, this.#at, end);
    this.#at = end;
    return inner;
  }

  skip(): void {
    if (this.#wire === VARINT) this.#varint();
    else if (this.#wire === DELIMITED) this.#at = this.#delimitedEnd();
    else if (this.#wire === FIXED64) this.#advance(8);
    else if (this.#wire === FIXED32) this.#advance(4);
    else throw malformed(`wire type ${this.#wire} is not in use`);
  }

  #want(wire: number): void {
    if (this.#wire !== wire) throw malformed(`a field has wire type ${this.#wire} in place of ${wire}`);
  }

  #delimitedEnd(): number {
    this.#want(DELIMITED);
    this.#varint();
    if (this.#high !== 0 || this.#low > this.#end - this.#at) throw malformed('a field is longer than its message');
    return this.#at + this.#low;
  }

  #advance(bytes: number): void {
    if (bytes > this.#end - this.#at) throw malformed('a field is longer than its message');
    this.#at += bytes;
  }

  /** Leaves the value in two unsigned 32-bit halves: numbers are faster than bigint, and most fit. */
  #varint(): void {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.#at >= this.#end) throw malformed('a number is cut off');
      const byte = this.#buffer[this.#at++] ?? 0;
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else if (shift < 63) high |= bits << (shift - 32);
      else if (bits > 1) throw malformed('a number has more than 64 bits');
      else high |= bits << 31;
      if (byte < 0x80) {
        this.#low = low >>> 0;
        this.#high = high >>> 0;
        return;
      }
    }
    throw malformed('a number has more than ten bytes');
  }
}

/** The Fault for bytes that are not the message they should be. */
export function malformed(why: string): Fault {
  return new Fault('etcd.protocol', { what: 'an answer is not a valid etcd v3 message', why });
}
