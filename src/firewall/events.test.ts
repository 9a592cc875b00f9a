import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageReader } from '#netlink/reader.ts';
import { type HeardFirewall, lookThrough } from './events.ts';

function hear(...messages: readonly Buffer[]): HeardFirewall {
  const heard: HeardFirewall = { changed: false, by: undefined };
  lookThrough(new MessageReader(Buffer.concat(messages)), heard);
  return heard;
}

/** A notification: nfgenmsg, then one attribute per text. */
function notification(type: number, texts: Readonly<Record<number, string>>): Buffer {
  const attributes = Object.entries(texts).map(([number, text]) => {
    const length = 4 + text.length + 1;
    const bytes = Buffer.alloc((length + 3) & ~3);
    bytes.writeUInt16LE(length, 0);
    bytes.writeUInt16LE(Number(number), 2);
    bytes.write(text, 4);
    return bytes;
  });
  const body = Buffer.concat([Buffer.from([2, 0, 0, 0]), ...attributes]);
  const header = Buffer.alloc(16);
  header.writeUInt32LE(16 + body.length, 0);
  header.writeUInt16LE((10 << 8) | type, 4);
  return Buffer.concat([header, body]);
}

const [NEW_TABLE, DELETE_TABLE, NEW_CHAIN, NEW_RULE, DELETE_RULE, NEW_GENERATION] = [0, 2, 3, 6, 8, 15] as const;

test('only what we look at wakes', () => {
  const cases: readonly (readonly [boolean, Buffer])[] = [
    [true, notification(NEW_RULE, { 1: 'nat', 2: 'POSTROUTING' })],
    [true, notification(DELETE_RULE, { 1: 'nat', 2: 'FLANNEL-POSTRTG' })],
    [true, notification(NEW_CHAIN, { 1: 'filter', 3: 'FLANNEL-FWD' })],
    [true, notification(DELETE_TABLE, { 1: 'filter' })],
    [true, notification(DELETE_RULE, { 1: 'flannel-ipv4', 2: 'postrtg' })],
    [true, notification(NEW_RULE, { 1: 'flannel-ipv6', 2: 'anything' })],
    [false, notification(NEW_RULE, { 1: 'nat', 2: 'KUBE-SVC-1' })],
    [false, notification(NEW_CHAIN, { 1: 'filter', 3: 'DOCKER' })],
    [false, notification(NEW_TABLE, { 1: 'firewalld' })],
    [false, notification(NEW_RULE, { 1: 'mangle', 2: 'POSTROUTING' })],
    [false, notification(NEW_GENERATION, { 1: 'nat' })],
  ];
  for (const [expected, bytes] of cases) {
    assert.equal(hear(bytes).changed, expected, bytes.toString('latin1'));
  }
  assert.equal(hear(...cases.map(([, bytes]) => bytes).reverse()).changed, true);
});

test('bytes that the kernel announced when iptables-nft made a chain are understood', () => {
  const recorded =
    '3c000000000a0004020000005a0b0000020000020b00010066696c746572000008000300000000010c00040000000000000000010800020000000000';
  assert.equal(hear(Buffer.from(recorded, 'hex')).changed, true);
});

test('the end of a transaction says which program it was, if the transaction concerns us', () => {
  const pid = String.fromCharCode(0, 0, 4);
  // Four bytes, the last of which is the text's NUL.
  const generation = notification(NEW_GENERATION, { 2: pid, 3: 'iptables-nft-re' });
  const ours = notification(DELETE_RULE, { 1: 'filter', 2: 'FLANNEL-FWD' });
  const others = notification(NEW_CHAIN, { 1: 'filter', 3: 'DOCKER' });
  assert.deepEqual(hear(ours, generation), { changed: true, by: 'iptables-nft-re (pid 1024)' });
  assert.deepEqual(hear(others, generation), { changed: false, by: undefined });
  assert.deepEqual(hear(ours, notification(NEW_GENERATION, {})), { changed: true, by: undefined });
});
