import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Fault } from '#runtime/fault.ts';
import type { KeyValue } from './api.ts';
import { FrameReader, frameMessage } from './grpc-frames.ts';
import { decodeRevision } from './header-message.ts';
import { decodeDelete, decodeRange, type RangeAnswer, rangeDecoder } from './kv-messages.ts';
import { decodeLease, decodeLeaseTimeToLive } from './lease-messages.ts';
import { decodeAuthenticate, decodeStatus } from './member-messages.ts';
import { wholeMessage } from './message-decoder.ts';
import { ProtobufReader } from './protobuf-reader.ts';
import { encoded, type ProtobufWriter } from './protobuf-writer.ts';
import { decodeTxn } from './txn-messages.ts';
import { decodeWatch } from './watch-messages.ts';

const revision = fc.nat();
const keyValue: fc.Arbitrary<KeyValue> = fc.record(
  {
    key: fc.string(),
    value: fc.string({ unit: 'grapheme', maxLength: 300 }),
    createRevision: revision,
    modRevision: revision,
    version: revision,
    lease: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
  },
  { noNullPrototype: true },
);

function writeKeyValue(writer: ProtobufWriter, kv: KeyValue): void {
  writer.text(1, kv.key).integer(2, kv.createRevision).integer(3, kv.modRevision);
  writer.integer(4, kv.version).text(5, kv.value).integer(6, kv.lease);
}

function rangeMessage(kvs: readonly KeyValue[], atRevision: number): Buffer {
  return encoded((writer) => {
    writer.message(1, (header) =>
      header
        .integer(1, 2n ** 64n - 1n)
        .integer(3, atRevision)
        .integer(4, 7),
    );
    for (const kv of kvs) writer.message(2, (inner) => writeKeyValue(inner, kv));
    writer.boolean(3, true).integer(4, kvs.length);
  });
}

/** Cuts the bytes at the places that `cuts` gives as fractions. */
function pieces(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [0, ...cuts.map((cut) => Math.floor(cut * bytes.length)).toSorted((a, b) => a - b), bytes.length];
  return places.slice(1).map((end, index) => bytes.subarray(places[index], end));
}

const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 });

test('a range answer is the same whether it comes whole or in pieces', () => {
  fc.assert(
    fc.property(fc.array(keyValue, { maxLength: 20 }), revision, cuts, (kvs, atRevision, places) => {
      const bytes = rangeMessage(kvs, atRevision);
      const decoder = rangeDecoder();
      for (const piece of pieces(bytes, places)) decoder.push(piece);
      const answer = decoder.finish();
      assert.deepEqual(answer.kvs, kvs);
      assert.deepEqual([answer.revision, answer.count, answer.more], [atRevision, kvs.length, true]);
      assert.equal(answer.header.clusterId, 2n ** 64n - 1n);
      assert.deepEqual(decodeRange(new ProtobufReader(bytes)), answer);
    }),
  );
});

test('several messages in one chunk and one message over several chunks are told apart', () => {
  fc.assert(
    fc.property(fc.array(fc.array(keyValue, { maxLength: 5 }), { maxLength: 5 }), cuts, (batches, places) => {
      const bytes = Buffer.concat(batches.map((kvs) => frameMessage(rangeMessage(kvs, 1))));
      const answers: RangeAnswer[] = [];
      const frames = new FrameReader(rangeDecoder, (answer) => answers.push(answer));
      for (const piece of pieces(bytes, places)) frames.push(piece);
      frames.finish();
      assert.deepEqual(
        answers.map(({ kvs }) => kvs),
        batches,
      );
    }),
  );
});

test('a frame that is cut off, compressed or too large is a fault', () => {
  const frames = (): FrameReader<RangeAnswer> => new FrameReader(rangeDecoder, () => {});
  const isFault = (why: string) => (error: unknown) => error instanceof Fault && error.why === why;
  assert.throws(
    () => frames().push(Buffer.from('0100000000', 'hex')),
    isFault('a message is compressed, which was not offered'),
  );
  assert.throws(() => frames().push(Buffer.from('00ffffffff', 'hex')), isFault('a message has 4294967295 bytes'));
  for (const start of ['00', '000000000508']) {
    const reader = frames();
    reader.push(Buffer.from(start, 'hex'));
    assert.throws(() => reader.finish(), isFault('a message is cut off'));
  }
});

test('random bytes end in a value or a fault, in every decoder', () => {
  const decoders: ((reader: ProtobufReader) => unknown)[] = [
    decodeRange,
    decodeTxn,
    decodeWatch,
    decodeDelete,
    decodeRevision,
    decodeLease,
    decodeLeaseTimeToLive,
    decodeStatus,
    decodeAuthenticate,
  ];
  const orFault = (act: () => unknown): void => {
    try {
      act();
    } catch (error) {
      assert.ok(error instanceof Fault && error.code === 'etcd.protocol', String(error));
    }
  };
  // Bytes that look like fields reach deeper than any bytes.
  const field = fc.tuple(fc.integer({ min: 0, max: 127 }), fc.uint8Array({ maxLength: 12 }));
  const fields = fc
    .array(field)
    .map((parts) => Buffer.concat(parts.map(([tag, bytes]) => Buffer.from([tag, bytes.length, ...bytes]))));
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }).map(Buffer.from), fields), cuts, (bytes, places) => {
      for (const decode of decoders) orFault(() => decode(new ProtobufReader(bytes)));
      orFault(() => {
        const decoder = rangeDecoder();
        for (const piece of pieces(bytes, places)) decoder.push(piece);
        decoder.finish();
      });
      orFault(() => {
        const frames = new FrameReader(
          () => wholeMessage(decodeWatch),
          () => {},
        );
        for (const piece of pieces(bytes, places)) frames.push(piece);
        frames.finish();
      });
    }),
    { numRuns: 500 },
  );
});

test('one value of many megabytes in small pieces is put together in time that grows with its size', () => {
  const kv = { key: 'k', value: 'x'.repeat(30_000_000), createRevision: 1, modRevision: 1, version: 1, lease: 0n };
  const bytes = rangeMessage([kv], 1);
  const decoder = rangeDecoder();
  const begunMs = performance.now();
  for (let at = 0; at < bytes.length; at += 16_384) decoder.push(bytes.subarray(at, at + 16_384));
  assert.equal(decoder.finish().kvs[0]?.value.length, 30_000_000);
  assert.ok(performance.now() - begunMs < 2_000);
});
