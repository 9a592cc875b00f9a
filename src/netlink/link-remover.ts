/**
 * LinkRemover: deletes links without waiting for the kernel, which takes 20 ms for one and hardly more for many: the request
 * is sent on another thread, and those that come meanwhile go together in the next. A link is out of everybody's sight
 * long before the kernel is through with it, and says so to who listens: that is what is waited for.
 */
import { AF_UNSPEC, NLMSG_ERROR, RTM_DELLINK, RTM_NEWLINK } from './message.ts';
import { loadNative } from './native.ts';
import { MessageReader } from './reader.ts';
import { decodeError, type Refusal } from './refusal.ts';
import { openRouteSocket } from './socket.ts';
import { MessageWriter } from './writer.ts';

const IFLA_GROUP = 27;
const RTNLGRP_LINK = 1;
const DATAGRAM_BYTES = 64 * 1024;
/** Requests of one batch and their answers fit into a datagram each. */
const MOST_IN_BATCH = 200;

interface Removal {
  readonly index: number;
  readonly done: (refusal: Refusal | undefined) => void;
}

export class LinkRemover {
  readonly #namespace: string | undefined;
  #waiting: Removal[] = [];
  #running = false;

  /** Of links in the namespace at a path; undefined: the own. */
  constructor(namespace?: string) {
    this.#namespace = namespace;
  }

  /**
   * Resolves when the link of that index cannot be seen or used any more, or with the kernel's refusal. Rejects with Fault
   * `kernel.netlink` when the kernel cannot be asked.
   */
  remove(index: number): Promise<Refusal | undefined> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ index, done: resolve });
      if (this.#running) return;
      try {
        this.#depart();
      } catch (error) {
        reject(error);
      }
    });
  }

  #depart(): void {
    const batch = new Map(this.#waiting.splice(0, MOST_IN_BATCH).map((removal) => [removal.index, removal]));
    this.#running = batch.size > 0;
    if (!this.#running) return;
    const native = loadNative();
    const requests = openRouteSocket(native, this.#namespace);
    const events = openRouteSocket(native, this.#namespace);
    const buffer = Buffer.allocUnsafeSlow(DATAGRAM_BYTES);
    const next = (): void => {
      if (batch.size === 0 && this.#running) this.#depart();
    };
    const settle = (index: number, refusal: Refusal | undefined): void => {
      batch.get(index)?.done(refusal);
      batch.delete(index);
    };
    const indexes = [...batch.keys()];
    const writer = encodeRemoval(indexes);
    native.joinGroup(events, RTNLGRP_LINK);
    native.poll(
      events,
      () => {
        const open = batch.size;
        eachMessage(native, events, buffer, (message) => {
          // A bridge tells of its port too, with a family of its own.
          if (message.type === RTM_DELLINK && message.u8(0) === AF_UNSPEC) settle(message.u32(4), undefined);
        });
        if (open > 0) next();
      },
      true,
    );
    native.sendLater(requests, writer.bytes.subarray(0, writer.length), () => {
      const open = batch.size;
      const refusals = readRefusals(native, requests, buffer);
      native.close(events);
      native.close(requests);
      for (const [at, index] of indexes.entries())
        settle(index, refusals.get(at + 1) ?? refusals.get(indexes.length + 1));
      if (open > 0) next();
    });
  }
}

/** One link by itself; several are put into a group that nobody else has, and the group is deleted. */
function encodeRemoval(indexes: readonly number[]): MessageWriter {
  const writer = new MessageWriter();
  const [only = 0] = indexes;
  const group = 0x4000_0000 + Math.floor(Math.random() * 0x3fff_ffff);
  if (indexes.length > 1) {
    for (const index of indexes) {
      writer.begin(RTM_NEWLINK, 0);
      encodeHeader(writer, index);
      writer.attributeU32(IFLA_GROUP, group);
      writer.end();
    }
  }
  writer.begin(RTM_DELLINK, 0);
  encodeHeader(writer, indexes.length > 1 ? 0 : only);
  if (indexes.length > 1) writer.attributeU32(IFLA_GROUP, group);
  writer.end();
  writer.acknowledgeLast();
  return writer;
}

function encodeHeader(writer: MessageWriter, index: number): void {
  writer.u8(AF_UNSPEC);
  writer.u8(0);
  writer.u16(0);
  writer.u32(index);
  writer.u32(0);
  writer.u32(0);
}

/** By the number of the request in its batch, from 1. */
function readRefusals(native: ReturnType<typeof loadNative>, fd: number, buffer: Buffer): ReadonlyMap<number, Refusal> {
  const refusals = new Map<number, Refusal>();
  eachMessage(native, fd, buffer, (message) => {
    const refusal = message.type === NLMSG_ERROR ? decodeError(message) : undefined;
    if (refusal !== undefined) refusals.set(message.sequence, refusal);
  });
  return refusals;
}

function eachMessage(
  native: ReturnType<typeof loadNative>,
  fd: number,
  buffer: Buffer,
  take: (message: MessageReader) => void,
): void {
  for (;;) {
    const length = native.receive(fd, buffer, false);
    if (length === 0) return;
    const message = new MessageReader(buffer, length);
    while (message.next()) take(message);
  }
}
