/**
 * NetlinkSocket: asks rtnetlink and applies trains of changes. The only file that opens AF_NETLINK. Everything is
 * synchronous: the kernel works off a request inside send(), and its answer is there when send() returns.
 */
import { Fault } from '#runtime/fault.ts';
import { NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR } from './message.ts';
import { loadNative, type Native } from './native.ts';
import { MessageReader } from './reader.ts';
import { decodeDone, decodeError, type Refusal, refusalFault } from './refusal.ts';
import { MessageWriter } from './writer.ts';

const NETLINK_ROUTE = 0;
const RECEIVE_TIMEOUT_MS = 5_000;
const RECEIVE_BUFFER_BYTES = 8 * 1024 * 1024;
const DATAGRAM_BYTES = 64 * 1024;
const DUMP_ATTEMPTS = 8;
/** A train is 64 peers of four messages, or less: its errors must fit into the receive buffer together. */
const TRAIN_MESSAGES = 256;
const TRAIN_BYTES = 32 * 1024;

/** Writes one request. */
export type Encode = (writer: MessageWriter) => void;
/** Reads the message that the reader stands on; undefined when it is not of interest. */
export type Decode<Item> = (message: MessageReader) => Item | undefined;

export interface TrainFailure<Item> {
  readonly item: Item;
  readonly refusal: Refusal;
}

export interface TrainResult<Item> {
  /** Requests that the kernel took. */
  readonly applied: number;
  /** Those it refused, in order. */
  readonly failed: readonly TrainFailure<Item>[];
}

/** What requests are written into and answers read into: 192 KB, which sockets that are never used inside each other may share. */
export interface NetlinkScratch {
  readonly writer: MessageWriter;
  readonly trainWriter: MessageWriter;
  buffer: Buffer;
}

export function newScratch(): NetlinkScratch {
  return {
    writer: new MessageWriter(),
    trainWriter: new MessageWriter(),
    buffer: Buffer.allocUnsafeSlow(DATAGRAM_BYTES),
  };
}

export class NetlinkSocket {
  readonly #native: Native;
  readonly #fd: number;
  readonly #scratch: NetlinkScratch;
  /** This socket's address; notifications of what it causes carry it. */
  readonly port: number;

  /** Opens rtnetlink, or another `protocol`, in the network namespace at `namespace` (a path), by default in the own. */
  constructor(
    namespace?: string,
    native: Native = loadNative(),
    protocol: number = NETLINK_ROUTE,
    scratch: NetlinkScratch = newScratch(),
  ) {
    this.#native = native;
    this.#scratch = scratch;
    this.#fd = openSocket(this.#native, namespace, protocol);
    this.port = this.#native.portId(this.#fd);
  }

  close(): void {
    this.#native.close(this.#fd);
  }

  /**
   * All that the kernel lists for a dump request. A dump during which the kernel's list changed is asked for again, a
   * bounded number of times. Refusals whose code is in `emptyOn` mean that there is nothing to list.
   */
  dump<Item>(request: Encode, decode: Decode<Item>, emptyOn: readonly string[] = []): Item[] {
    for (let attempt = 0; attempt < DUMP_ATTEMPTS; attempt++) {
      const items = this.#guarded(() => this.#dumpOnce(request, decode, emptyOn));
      if (items !== undefined) return items;
    }
    const what = `${DUMP_ATTEMPTS} dumps in a row were interrupted by changes`;
    throw new Fault('kernel.netlink', { what, remedy: 'look for what changes the network all the time: ip monitor' });
  }

  /** The kernel's answer to a request for one object; undefined for refusals whose code is in `absentOn`. */
  get<Item>(request: Encode, decode: Decode<Item>, absentOn: readonly string[] = []): Item | undefined {
    return this.#guarded(() => {
      let sequence = this.#request(request);
      for (;;) {
        const message = this.#receive();
        // Cut: the buffer is large enough now.
        if (message === undefined) sequence = this.#request(request);
        while (message?.next()) {
          if (message.sequence !== sequence) continue;
          if (message.type !== NLMSG_ERROR) return decode(message);
          const refusal = decodeError(message);
          return refusal === undefined ? undefined : expect(refusal, absentOn, undefined);
        }
      }
    });
  }

  /**
   * Sends one request per item, in trains, and says which were refused; a refusal does not stop those that follow.
   * `encode` writes exactly one message. The kernel reports an error unasked, so only a train's last message asks for an
   * acknowledgement, which says that the kernel is through.
   */
  train<Item>(items: Iterable<Item>, encode: (writer: MessageWriter, item: Item) => void): TrainResult<Item> {
    const { trainWriter: writer } = this.#scratch;
    const failed: TrainFailure<Item>[] = [];
    let pending: Item[] = [];
    let applied = 0;
    const depart = (): void => {
      if (pending.length === 0) return;
      const before = failed.length;
      this.#guarded(() => this.#runTrain(pending, failed));
      applied += pending.length - (failed.length - before);
      pending = [];
      writer.clear();
    };
    writer.clear();
    for (const item of items) {
      encode(writer, item);
      pending.push(item);
      if (writer.count !== pending.length) throw new Error('encode must write exactly one message');
      if (pending.length >= TRAIN_MESSAGES || writer.length >= TRAIN_BYTES) depart();
    }
    depart();
    return { applied, failed };
  }

  #runTrain<Item>(pending: readonly Item[], failed: TrainFailure<Item>[]): void {
    const { trainWriter: writer } = this.#scratch;
    writer.acknowledgeLast();
    this.#native.send(this.#fd, writer.bytes, 0, writer.length);
    const first = (writer.sequence - pending.length + 1) >>> 0;
    for (;;) {
      const message = this.#receive();
      while (message?.next()) {
        const index = (message.sequence - first) >>> 0;
        if (message.type !== NLMSG_ERROR || index >= pending.length) continue;
        const refusal = decodeError(message);
        const item = pending[index];
        if (refusal !== undefined && item !== undefined) failed.push({ item, refusal });
        if (index === pending.length - 1) return;
      }
    }
  }

  /** Undefined when it has to be done again. */
  #dumpOnce<Item>(request: Encode, decode: Decode<Item>, emptyOn: readonly string[]): Item[] | undefined {
    const sequence = this.#request(request);
    const items: Item[] = [];
    let intact = true;
    for (;;) {
      const message = this.#receive();
      if (message === undefined) {
        this.#drain();
        return undefined;
      }
      while (message.next()) {
        if (message.sequence !== sequence) continue;
        if ((message.flags & NLM_F_DUMP_INTR) !== 0) intact = false;
        if (message.type === NLMSG_DONE || message.type === NLMSG_ERROR) {
          const refusal = message.type === NLMSG_DONE ? decodeDone(message) : decodeError(message);
          if (refusal !== undefined) return expect(refusal, emptyOn, []);
          return intact ? items : undefined;
        }
        const item = intact ? decode(message) : undefined;
        if (item !== undefined) items.push(item);
      }
    }
  }

  #request(encode: Encode): number {
    const { writer } = this.#scratch;
    writer.clear();
    encode(writer);
    this.#native.send(this.#fd, writer.bytes, 0, writer.length);
    return writer.sequence;
  }

  /** The next datagram; undefined when it was longer than the buffer, which then is made larger for the next. */
  #receive(): MessageReader | undefined {
    const length = this.#native.receive(this.#fd, this.#scratch.buffer, true);
    if (length === 0) {
      throw new Fault('kernel.netlink', { what: `the kernel did not answer within ${RECEIVE_TIMEOUT_MS} ms` });
    }
    if (length <= this.#scratch.buffer.length) return new MessageReader(this.#scratch.buffer, length);
    this.#scratch.buffer = Buffer.allocUnsafeSlow(length);
    return undefined;
  }

  /** What an exchange that failed left unread would answer the next request. */
  #guarded<Result>(exchange: () => Result): Result {
    try {
      return exchange();
    } catch (error) {
      this.#drain();
      throw translate(error);
    }
  }

  #drain(): void {
    for (let left = TRAIN_MESSAGES * 64; left > 0; left--) {
      try {
        if (this.#native.receive(this.#fd, this.#scratch.buffer, false) === 0) return;
      } catch {
        // ENOBUFS is what is being drained; a broken descriptor shows at the next request.
      }
    }
  }
}

type OpeningNative = Pick<Native, 'inNamespace' | 'openNetlink'>;

/** An rtnetlink socket in a namespace (a path; undefined: the process's own), for this file and the event socket. */
export function openRouteSocket(native: OpeningNative, namespace: string | undefined): number {
  return openSocket(native, namespace, NETLINK_ROUTE);
}

function openSocket(native: OpeningNative, namespace: string | undefined, protocol: number): number {
  const open = (): number => native.openNetlink(protocol, RECEIVE_BUFFER_BYTES, RECEIVE_TIMEOUT_MS);
  try {
    return namespace === undefined ? open() : native.inNamespace(namespace, open);
  } catch (cause) {
    const where = namespace ?? 'own network namespace';
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Fault('kernel.netlink', { what: 'cannot open a netlink socket', where, why, cause });
  }
}

/** What an expected refusal means; a Fault for any other. */
function expect<Meaning>(refusal: Refusal, codes: readonly string[], meaning: Meaning): Meaning {
  if (codes.includes(refusal.code)) return meaning;
  throw refusalFault('the kernel refused to answer', refusal);
}

function translate(error: unknown): unknown {
  if (!(error instanceof Error && 'syscall' in error)) return error;
  const lost = 'code' in error && error.code === 'ENOBUFS';
  const what = lost ? 'answers of the kernel were lost' : 'cannot talk to the kernel';
  return new Fault('kernel.netlink', { what, why: error.message, cause: error });
}
