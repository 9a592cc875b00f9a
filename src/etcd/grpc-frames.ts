/**
 * gRPC message framing (gRPC over HTTP/2, "Length-Prefixed-Message"): one byte compressed flag, four bytes length. DATA
 * chunks hold any number of frames and any part of one.
 */
import { Fault } from '#runtime/fault.ts';
import type { MessageDecoder } from './message-decoder.ts';

const PREFIX_BYTES = 5;
/** Far more than etcd sends (a range of 100,000 leases is 17 MB), and little enough to bound the memory. */
const LARGEST_MESSAGE_BYTES = 64 * 1024 * 1024;

/** One message in its frame, not compressed. */
export function frameMessage(message: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(PREFIX_BYTES + message.length);
  frame.writeUInt8(0, 0);
  frame.writeUInt32BE(message.length, 1);
  message.copy(frame, PREFIX_BYTES);
  return frame;
}

/** Cuts a stream of chunks into messages and decodes each with a decoder of its own. */
export class FrameReader<T> {
  readonly #newDecoder: () => MessageDecoder<T>;
  readonly #deliver: (message: T) => void;
  readonly #prefix = Buffer.alloc(PREFIX_BYTES);
  #prefixBytes = 0;
  #missing = 0;
  #decoder: MessageDecoder<T> | undefined;

  constructor(newDecoder: () => MessageDecoder<T>, deliver: (message: T) => void) {
    this.#newDecoder = newDecoder;
    this.#deliver = deliver;
  }

  /** Throws a Fault `etcd.protocol` for what is not a frame or not the message expected. */
  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#decoder === undefined) {
        const bytes = Math.min(PREFIX_BYTES - this.#prefixBytes, chunk.length - at);
        chunk.copy(this.#prefix, this.#prefixBytes, at, at + bytes);
        this.#prefixBytes += bytes;
        at += bytes;
        if (this.#prefixBytes < PREFIX_BYTES) return;
        this.#begin();
      } else {
        const bytes = Math.min(this.#missing, chunk.length - at);
        this.#decoder.push(chunk.subarray(at, at + bytes));
        this.#missing -= bytes;
        at += bytes;
      }
      if (this.#missing === 0) this.#end();
    }
  }

  /** No more chunks come. */
  finish(): void {
    if (this.#decoder !== undefined || this.#prefixBytes > 0) throw badFrame('a message is cut off');
  }

  #begin(): void {
    this.#prefixBytes = 0;
    if (this.#prefix.readUInt8(0) !== 0) throw badFrame('a message is compressed, which was not offered');
    this.#missing = this.#prefix.readUInt32BE(1);
    if (this.#missing > LARGEST_MESSAGE_BYTES) throw badFrame(`a message has ${this.#missing} bytes`);
    this.#decoder = this.#newDecoder();
  }

  #end(): void {
    const message = this.#decoder?.finish();
    this.#decoder = undefined;
    if (message !== undefined) this.#deliver(message);
  }
}

function badFrame(why: string): Fault {
  return new Fault('etcd.protocol', { what: 'an answer is not a valid gRPC message', why });
}
