import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Fault } from '#runtime/fault.ts';
import { ProtobufReader } from './protobuf-reader.ts';
import { encoded } from './protobuf-writer.ts';

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });

test('every int64 that is written is read back', () => {
  fc.assert(
    fc.property(int64, (value) => {
      const reader = new ProtobufReader(encoded((writer) => writer.integer(3, value)));
      if (value === 0n) assert.equal(reader.field(), 0);
      else {
        assert.equal(reader.field(), 3);
        assert.equal(reader.bigInteger(), value);
      }
    }),
  );
});

test('every safe integer that is written is read back, negative ones too', () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), (value) => {
      const reader = new ProtobufReader(encoded((writer) => writer.integer(1, value).text(2, 'end')));
      if (reader.field() === 1) {
        assert.equal(reader.integer(), value);
        reader.field();
      } else assert.equal(value, 0);
      assert.equal(reader.text(), 'end');
    }),
  );
});

test('texts and embedded messages are read back, however long they are', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 400 }), fc.nat(2000), (text, repeat) => {
      const long = text.repeat(1 + (repeat % 20));
      const bytes = encoded((writer) => writer.message(20, (inner) => inner.text(1, long).boolean(2, true)));
      const reader = new ProtobufReader(bytes);
      assert.equal(reader.field(), 20);
      const inner = reader.message();
      assert.equal(inner.field(), 1);
      assert.equal(inner.text(), long);
      assert.equal(inner.field(), 2);
      assert.equal(inner.boolean(), true);
      assert.equal(inner.field() + reader.field(), 0);
    }),
  );
});

test('the bytes are those of the protobuf specification', () => {
  const bytes = encoded((writer) =>
    writer
      .integer(1, 150)
      .text(2, 'testing')
      .message(3, (inner) => inner.integer(1, 150)),
  );
  assert.equal(bytes.toString('hex'), '089601120774657374696e671a03089601');
  assert.equal(encoded((writer) => writer.integer(1, -2)).toString('hex'), '08feffffffffffffffff01');
});

test('a message that is cut off, too long or of a wrong type is a fault', () => {
  const cases: [string, (reader: ProtobufReader) => unknown, string][] = [
    ['0896', (reader) => reader.integer(), 'a number is cut off'],
    ['12077465', (reader) => reader.text(), 'a field is longer than its message'],
    ['0a80808080808080808001', (reader) => reader.text(), 'a field is longer than its message'],
    ['08ffffffffffffffffff7f', (reader) => reader.integer(), 'a number has more than 64 bits'],
    ['08ffffffffffffffff7f', (reader) => reader.integer(), 'an integer is out of range'],
    ['0801', (reader) => reader.text(), 'a field has wire type 0 in place of 2'],
    ['0b', (reader) => reader.skip(), 'wire type 3 is not in use'],
    ['0d0102', (reader) => reader.skip(), 'a field is longer than its message'],
    ['00', (reader) => reader.skip(), 'a field has number 0'],
  ];
  for (const [hex, read, why] of cases) {
    const reader = new ProtobufReader(Buffer.from(hex, 'hex'));
    assert.throws(
      () => {
        reader.field();
        read(reader);
      },
      (error) => error instanceof Fault && error.code === 'etcd.protocol' && error.why === why,
      hex,
    );
  }
});

test('skipping goes over fields of every type', () => {
  const reader = new ProtobufReader(
    Buffer.from('089601' + '110102030405060708' + '1a03089601' + '2501020304' + '3001', 'hex'),
  );
  for (const field of [1, 2, 3, 4]) {
    assert.equal(reader.field(), field);
    reader.skip();
  }
  assert.equal(reader.field(), 6);
  assert.equal(reader.integer(), 1);
  assert.equal(reader.field(), 0);
});
