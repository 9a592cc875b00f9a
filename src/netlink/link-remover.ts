/**
 * LinkRemover: deletes links without waiting for the kernel, which takes 20 ms for one and hardly more for many: the request
 * is sent on another thread, and those that come meanwhile go together in the next. A link is out of everybody's sight
 * long before the kernel is through with it, and says so to who listens: that is what is waited for.
 */
import { getSystemErrorName } from 'node:util';
import { Fault } from '#runtime/fault.ts';
import { AF_UNSPEC, NLMSG_ERROR, RTM_DELLINK, RTM_NEWLINK } from './message.ts';
import { loadNative, type Native } from './native.ts';
import { MessageReader } from './reader.ts';
import { decodeError, type Refusal } from './refusal.ts';
import { openRouteSocket } from './socket.ts';
import { MessageWriter } from './writer.ts';

const HEADER = 16;
const IFLA_IFNAME = 3;
const IFLA_GROUP = 27;
const RTNLGRP_LINK = 1;
const DATAGRAM_BYTES = 64 * 1024;
/** Requests of one batch and their answers fit into a datagram each. */
const MOST_IN_BATCH = 200;

type LinkNative = Pick<
  Native,
  'inNamespace' | 'openNetlink' | 'joinGroup' | 'poll' | 'sendLater' | 'receive' | 'close'
>;

interface Removal {
  readonly name: string;
  readonly done: (refusal: Refusal | undefined) => void;
  readonly failed: (error: unknown) => void;
}

export class LinkRemover {
  readonly #namespace: string | undefined;
  readonly #native: LinkNative;
  readonly #waiting: Removal[] = [];
  #running = false;

  /** Of links in the namespace at a path; undefined: the own. */
  constructor(namespace?: string, native: LinkNative = loadNative()) {
    this.#namespace = namespace;
    this.#native = native;
  }

  /**
   * Resolves when the link of that name cannot be seen or used any more, or with the kernel's refusal (ENODEV: there is none).
   * Rejects with Fault `kernel.netlink` when the kernel cannot be asked.
   */
  remove(name: string): Promise<Refusal | undefined> {
    return new Promise((done, failed) => {
      this.#waiting.push({ name, done, failed });
      if (!this.#running) this.#depart();
    });
  }

  #depart(): void {
    const batch = this.#waiting.splice(0, MOST_IN_BATCH);
    this.#running = batch.length > 0;
    if (!this.#running) return;
    const gone = (name: string, refusal: Refusal | undefined): void => {
      for (const removal of batch.filter((each) => each.name === name)) {
        batch.splice(batch.indexOf(removal), 1);
        removal.done(refusal);
      }
      if (batch.length === 0) this.#depart();
    };
    const lost = (error: unknown): void => {
      // All may be gone already, and the next batch under way.
      if (batch.length === 0) return;
      for (const { failed } of batch.splice(0)) failed(error);
      this.#depart();
    };
    try {
      send(this.#native, new Set(batch.map(({ name }) => name)), this.#namespace, gone, lost);
    } catch (error) {
      lost(error);
    }
  }
}

/** Calls `gone` once for each name, or `lost` for all that are left. Throws Fault `kernel.netlink`. */
function send(
  native: LinkNative,
  names: ReadonlySet<string>,
  namespace: string | undefined,
  gone: (name: string, refusal: Refusal | undefined) => void,
  lost: (error: Fault) => void,
): void {
  const requests = openRouteSocket(native, namespace);
  let events: number;
  try {
    events = openRouteSocket(native, namespace);
  } catch (error) {
    native.close(requests);
    throw error;
  }
  const buffer = Buffer.allocUnsafeSlow(DATAGRAM_BYTES);
  const open = new Set(names);
  const settle = (name: string, refusal: Refusal | undefined): void => {
    if (open.delete(name)) gone(name, refusal);
  };
  native.joinGroup(events, RTNLGRP_LINK);
  native.poll(
    events,
    () => {
      // Where so much happens that events are lost, the end of the request says what became of the links.
      eachMessage(native, events, buffer, (message) => {
        // A bridge tells of its port too, with a family of its own.
        if (message.type === RTM_DELLINK && message.u8(0) === AF_UNSPEC) settle(nameOf(message), undefined);
      });
    },
    true,
  );
  const writer = encodeRemoval([...names]);
  native.sendLater(requests, writer.bytes.subarray(0, writer.length), (errno) => {
    const answer = errno === 0 ? readAnswer(native, requests, buffer, writer.sequence) : getSystemErrorName(-errno);
    native.close(events);
    native.close(requests);
    if (typeof answer === 'string') {
      lost(new Fault('kernel.netlink', { what: `cannot delete links: ${[...open].join(', ')}`, why: answer }));
      return;
    }
    for (const [at, name] of [...names].entries()) settle(name, answer.get(at + 1) ?? answer.get(names.size + 1));
  });
}

/** One link by itself; several are put into a group that nobody else has, and the group is deleted. */
function encodeRemoval(names: readonly string[]): MessageWriter {
  const writer = new MessageWriter();
  const [only = ''] = names;
  const group = 0x4000_0000 + Math.floor(Math.random() * 0x3fff_ffff);
  if (names.length > 1) {
    for (const name of names) {
      writer.begin(RTM_NEWLINK, 0);
      encodeHeader(writer);
      writer.attributeText(IFLA_IFNAME, name);
      writer.attributeU32(IFLA_GROUP, group);
      writer.end();
    }
  }
  writer.begin(RTM_DELLINK, 0);
  encodeHeader(writer);
  if (names.length > 1) writer.attributeU32(IFLA_GROUP, group);
  else writer.attributeText(IFLA_IFNAME, only);
  writer.end();
  writer.acknowledgeLast();
  return writer;
}

function encodeHeader(writer: MessageWriter): void {
  writer.u8(AF_UNSPEC);
  writer.u8(0);
  writer.u16(0);
  writer.u32(0);
  writer.u32(0);
  writer.u32(0);
}

function nameOf(message: MessageReader): string {
  const attributes = message.attributes(HEADER);
  while (attributes.next()) if (attributes.type === IFLA_IFNAME) return attributes.text();
  return '';
}

/** Refusals by the number of the request in its batch, from 1; in words why there is no answer to the `last` one. */
function readAnswer(
  native: LinkNative,
  fd: number,
  buffer: Buffer,
  last: number,
): ReadonlyMap<number, Refusal> | string {
  const refusals = new Map<number, Refusal>();
  let answered = false;
  const failure = eachMessage(native, fd, buffer, (message) => {
    if (message.type !== NLMSG_ERROR) return;
    const refusal = decodeError(message);
    if (refusal !== undefined) refusals.set(message.sequence, refusal);
    answered ||= message.sequence === last;
  });
  return answered ? refusals : (failure ?? 'the kernel did not answer');
}

/** In words what ended it, if not the last message. */
function eachMessage(
  native: LinkNative,
  fd: number,
  buffer: Buffer,
  take: (message: MessageReader) => void,
): string | undefined {
  for (;;) {
    let length: number;
    try {
      length = native.receive(fd, buffer, false);
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
    if (length === 0) return undefined;
    const message = new MessageReader(buffer, length);
    while (message.next()) take(message);
  }
}
