import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageReader } from './reader.ts';
import { MessageWriter } from './writer.ts';

test('messages are numbered consecutively, also after the buffer is cleared', () => {
  const writer = new MessageWriter();
  for (let turn = 0; turn < 2; turn++) {
    writer.clear();
    for (let count = 0; count < 3; count++) {
      writer.begin(24, 0);
      writer.end();
    }
  }
  const message = new MessageReader(Buffer.from(writer.bytes.buffer), writer.length);
  const seen: number[] = [];
  while (message.next()) seen.push(message.sequence);
  assert.deepEqual(seen, [4, 5, 6]);
  assert.equal(writer.sequence, 6);
});

test('only the last message is acknowledged', () => {
  const writer = new MessageWriter();
  for (let count = 0; count < 2; count++) {
    writer.begin(24, 0x400);
    writer.end();
  }
  writer.acknowledgeLast();
  const message = new MessageReader(Buffer.from(writer.bytes.buffer), writer.length);
  const flags: number[] = [];
  while (message.next()) flags.push(message.flags);
  assert.deepEqual(flags, [0x401, 0x405]);
});

test('what is no MAC address and no netlink text is a programmer’s error', () => {
  const writer = new MessageWriter();
  for (const mac of ['', '8a:1b:af:8c:b2', '8a:1b:af:8c:b2:7g', '8a:1b:af:8c:b2:78:00']) {
    assert.throws(() => writer.attributeMac(1, mac), RangeError);
  }
  assert.throws(() => writer.attributeText(1, 'a\0b'), RangeError);
  assert.throws(() => writer.attributeText(1, 'a'.repeat(256)), RangeError);
});

test('a buffer that is full refuses more', () => {
  const writer = new MessageWriter();
  assert.throws(() => {
    for (;;) {
      writer.begin(24, 0);
      writer.attributeU32(1, 1);
      writer.end();
    }
  }, RangeError);
  assert.ok(writer.length <= writer.bytes.length + 8);
});
