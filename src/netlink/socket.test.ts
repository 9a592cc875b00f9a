import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '#runtime/fault.ts';
import type { Native } from './native.ts';
import { NetlinkSocket } from './socket.ts';
import type { MessageWriter } from './writer.ts';

const ERROR = 2;
const DONE = 3;
const ROUTE = 24;
const MULTI = 2;
const INTERRUPTED = 0x10;

interface Sent {
  readonly sequence: number;
  readonly acknowledge: boolean;
}

/** A kernel from a script: one function per send, which returns the datagrams that are then received. */
class ScriptedNative implements Native {
  readonly interfaceVersion = 1;
  readonly trains: Sent[][] = [];
  readonly queue: (Buffer | Error)[] = [];
  readonly #script: ((sent: Sent[]) => readonly (Buffer | Error)[])[];

  constructor(...script: ((sent: Sent[]) => readonly (Buffer | Error)[])[]) {
    this.#script = script;
  }

  send(_fd: number, bytes: Uint8Array, offset: number, length: number): void {
    const buffer = Buffer.from(bytes.buffer, offset, length);
    const sent: Sent[] = [];
    for (let at = 0; at < length; at += buffer.readUInt32LE(at)) {
      sent.push({ sequence: buffer.readUInt32LE(at + 8), acknowledge: (buffer.readUInt16LE(at + 6) & 4) !== 0 });
    }
    this.trains.push(sent);
    this.queue.push(...(this.#script.shift()?.(sent) ?? []));
  }

  receive(_fd: number, buffer: Uint8Array): number {
    const next = this.queue.shift();
    if (next instanceof Error) throw next;
    buffer.set(next?.subarray(0, buffer.length) ?? []);
    return next?.length ?? 0;
  }

  openNetlink = (): number => 3;
  portId = (): number => 4711;
  inNamespace = <Result>(_path: string, run: () => Result): Result => run();
  joinGroup = unused;
  ignorePort = unused;
  close = unused;
  poll = unused;
  unpoll = unused;
  sendDatagram = unused;
  bindDatagram = unused;
  trimHeap = unused;
  sendLater = unused;
}

function unused(): never {
  throw new Error('not in the script');
}

function message(type: number, sequence: number, value: number, flags = MULTI, body = 24): Buffer {
  const bytes = Buffer.alloc(16 + body);
  bytes.writeUInt32LE(bytes.length, 0);
  bytes.writeUInt16LE(type, 4);
  bytes.writeUInt16LE(flags, 6);
  bytes.writeUInt32LE(sequence, 8);
  bytes.writeInt32LE(value, 16);
  // The header of the request that an NLMSG_ERROR is about.
  if (type === ERROR) bytes.writeUInt32LE(16, 20);
  return bytes;
}

function write(writer: MessageWriter): void {
  writer.begin(ROUTE, 0);
  writer.end();
}

function dump(native: Native, emptyOn: readonly string[] = []): number[] {
  return new NetlinkSocket(undefined, native).dump(write, (reader) => reader.i32(0), emptyOn);
}

function isFault(pattern: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof Fault && error.code === 'kernel.netlink' && pattern.test(error.summary);
}

const sequenceOf = (sent: readonly Sent[]): number => sent[0]?.sequence ?? 0;

test('a dump of several datagrams is one list, and what belongs to another request is passed over', () => {
  const native = new ScriptedNative((sent) => {
    const sequence = sequenceOf(sent);
    const first = Buffer.concat([message(ROUTE, sequence, 1), message(ROUTE, sequence + 9, 99)]);
    return [first, Buffer.concat([message(ROUTE, sequence, 2), message(DONE, sequence, 0)])];
  });
  assert.deepEqual(dump(native), [1, 2]);
});

test('a dump that was interrupted by a change is done again', () => {
  const native = new ScriptedNative(
    (sent) => [message(ROUTE, sequenceOf(sent), 1), message(DONE, sequenceOf(sent), 0, MULTI | INTERRUPTED)],
    (sent) => [Buffer.concat([message(ROUTE, sequenceOf(sent), 2), message(DONE, sequenceOf(sent), 0)])],
  );
  assert.deepEqual(dump(native), [2]);
});

test('a dump that is interrupted over and over ends in a Fault', () => {
  const interrupted = (sent: Sent[]): Buffer[] => [message(DONE, sequenceOf(sent), 0, MULTI | INTERRUPTED)];
  const native = new ScriptedNative(...Array.from({ length: 100 }, () => interrupted));
  assert.throws(() => dump(native), isFault(/interrupted/));
  assert.equal(native.trains.length, 8);
});

test('a datagram longer than the buffer makes the buffer larger and the dump start again', () => {
  const long = (sequence: number): Buffer => message(ROUTE, sequence, 7, MULTI, 100_000);
  const native = new ScriptedNative(
    (sent) => [long(sequenceOf(sent)), message(DONE, sequenceOf(sent), 0)],
    (sent) => [long(sequenceOf(sent)), message(DONE, sequenceOf(sent), 0)],
  );
  assert.deepEqual(dump(native), [7]);
  assert.equal(native.trains.length, 2);
});

test('an error at the start or at the end of a dump is a Fault, or an empty list when it is expected', () => {
  const refuse =
    (type: number) =>
    (sent: Sent[]): Buffer[] => [message(ROUTE, sequenceOf(sent), 1), message(type, sequenceOf(sent), -2)];
  for (const type of [ERROR, DONE]) {
    assert.throws(() => dump(new ScriptedNative(refuse(type))), isFault(/ENOENT/));
    assert.deepEqual(dump(new ScriptedNative(refuse(type)), ['ENOENT']), []);
  }
});

test('silence is a Fault, and so are lost answers and malformed ones; what is left is drained', () => {
  assert.throws(() => dump(new ScriptedNative(() => [])), isFault(/did not answer/));
  const lost = Object.assign(new Error('recvmsg: ENOBUFS'), { code: 'ENOBUFS', syscall: 'recvmsg' });
  const native = new ScriptedNative((sent) => [lost, message(ROUTE, sequenceOf(sent), 1), lost]);
  assert.throws(() => dump(native), isFault(/lost/));
  assert.equal(native.queue.length, 0);
  assert.throws(
    () => dump(new ScriptedNative(() => [Buffer.alloc(16)])),
    (error) => error instanceof Fault && error.code === 'kernel.protocol',
  );
});

test('a train asks for one acknowledgement, and errors find their items', () => {
  const native = new ScriptedNative((sent) => [
    message(ERROR, sequenceOf(sent) + 1, -17, 0),
    Buffer.concat([message(ERROR, sequenceOf(sent) + 3, -2, 0), message(ERROR, sequenceOf(sent) + 4, 0, 0)]),
  ]);
  const socket = new NetlinkSocket(undefined, native);
  const result = socket.train(['a', 'b', 'c', 'd', 'e'], write);
  assert.equal(result.applied, 3);
  assert.deepEqual(
    result.failed.map(({ item, refusal }) => `${item} ${refusal.code}`),
    ['b EEXIST', 'd ENOENT'],
  );
  assert.deepEqual(
    native.trains[0]?.map((sent) => sent.acknowledge),
    [false, false, false, false, true],
  );
});

test('many requests go in several trains of bounded length', () => {
  const accept = (sent: Sent[]): Buffer[] => [message(ERROR, sent.at(-1)?.sequence ?? 0, 0, 0)];
  const native = new ScriptedNative(...Array.from({ length: 9 }, () => accept));
  const items = Array.from({ length: 600 }, (_, index) => index);
  assert.deepEqual(new NetlinkSocket(undefined, native).train(items, write), { applied: 600, failed: [] });
  assert.deepEqual(
    native.trains.map((train) => train.length),
    [256, 256, 88],
  );
});

test('no items are no train, and encode must write one message', () => {
  const native = new ScriptedNative();
  const socket = new NetlinkSocket(undefined, native);
  assert.deepEqual(socket.train([], write), { applied: 0, failed: [] });
  assert.throws(() => socket.train([1], () => undefined), /exactly one message/);
  assert.equal(native.trains.length, 0);
});
