import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { Fault } from '#runtime/fault.ts';
import { decodeAddress } from './address.ts';
import { decodeFdbEntry } from './fdb.ts';
import { decodeLink } from './link.ts';
import { decodeNeighbor } from './neighbor.ts';
import { decodeNexthop } from './nexthop.ts';
import { MessageReader } from './reader.ts';
import { RECORDED_ANSWERS } from './recorded-traffic.ts';
import { decodeDone, decodeError } from './refusal.ts';
import { decodeRoute } from './route.ts';

const DECODERS = [
  decodeLink,
  decodeAddress,
  decodeRoute,
  decodeNeighbor,
  decodeFdbEntry,
  decodeNexthop,
  decodeError,
  decodeDone,
];
const ANSWERS = Object.values(RECORDED_ANSWERS).map((hex) => Buffer.from(hex, 'hex'));

/** Everything that can be made of these bytes: text of the values found, and the reason when the bytes are refused. */
function readAll(bytes: Buffer, length = bytes.length): { readonly found: string[]; readonly steps: number } {
  const found: string[] = [];
  let steps = 0;
  for (const decode of DECODERS) {
    const message = new MessageReader(bytes, length);
    try {
      while (message.next()) {
        steps++;
        found.push(inspect(decode(message), { depth: 4 }));
      }
    } catch (error) {
      assert.ok(error instanceof Fault, String(error));
      assert.equal(error.code, 'kernel.protocol');
      found.push(error.message);
    }
  }
  return { found, steps };
}

/** The bytes with foreign ones behind them: what is read there shows, because it differs. */
function among(bytes: Buffer, foreign: number): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(512, foreign)]);
}

function assertBounded(bytes: Buffer): void {
  const { found, steps } = readAll(among(bytes, 0x00), bytes.length);
  assert.ok(steps <= (DECODERS.length * bytes.length) / 16 + DECODERS.length, `${steps} steps`);
  assert.deepEqual(found, readAll(among(bytes, 0xff), bytes.length).found, 'it reads past the end');
}

test('random bytes are refused or read, never looped over, never read past the end', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => assertBounded(Buffer.from(bytes))));
});

test('random attributes in a message of each type are refused or read', () => {
  const type = fc.constantFrom(2, 3, 16, 20, 24, 28, 104);
  const family = fc.constantFrom(0, 2, 7, 10);
  fc.assert(
    fc.property(type, family, fc.uint8Array({ maxLength: 200 }), (number, kind, body) => {
      const bytes = Buffer.concat([Buffer.alloc(16), Buffer.from([kind]), Buffer.from(body)]);
      bytes.writeUInt32LE(bytes.length, 0);
      bytes.writeUInt16LE(number, 4);
      bytes.writeUInt16LE(0x200, 6);
      assertBounded(bytes);
    }),
  );
});

test('recorded answers with flipped bits are refused or read', () => {
  const flips = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 7 })), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(fc.constantFrom(...ANSWERS), flips, (answer, places) => {
      const bytes = Buffer.from(answer);
      for (const [place, bit] of places) bytes[place % bytes.length] = (bytes[place % bytes.length] ?? 0) ^ (1 << bit);
      assertBounded(bytes);
    }),
    { numRuns: 500 },
  );
});

test('recorded answers cut anywhere are refused, except between messages', () => {
  for (const answer of ANSWERS) {
    const ends = new Set([0]);
    for (let at = 0; at < answer.length; at += (answer.readUInt32LE(at) + 3) & ~3) {
      ends.add(at + answer.readUInt32LE(at));
      ends.add(at + ((answer.readUInt32LE(at) + 3) & ~3));
    }
    for (let length = 0; length < answer.length; length++) {
      const cut = Buffer.from(answer.subarray(0, length));
      assertBounded(cut);
      const message = new MessageReader(cut);
      const walk = (): void => {
        while (message.next());
      };
      if (ends.has(length)) walk();
      else assert.throws(walk, Fault);
    }
  }
});

const HOSTILE: Readonly<Record<string, string>> = {
  'a message length below its header': '0f000000180002000000000000000000',
  'a message length of zero': '00000000180002000000000000000000',
  'a message longer than the datagram': '14000000180002000000000000000000',
  'a message length with the high bit set': '000000801800020000000000000000000000000000000000',
  'a rest that is no header': '1000000018000200000000000000000000000000',
};

for (const [name, hex] of Object.entries(HOSTILE)) {
  test(`${name} ends the reading`, () => {
    const message = new MessageReader(Buffer.from(hex, 'hex'));
    assert.throws(() => {
      while (message.next());
    }, Fault);
  });
}

/** A route message with these attributes behind its header. */
function routeWith(attributes: string): MessageReader {
  const bytes = Buffer.from(`00000000180002000000000000000000${'02180000fe0300010000000'}0${attributes}`, 'hex');
  bytes.writeUInt32LE(bytes.length, 0);
  const message = new MessageReader(bytes);
  assert.ok(message.next());
  return message;
}

const HOSTILE_ATTRIBUTES: Readonly<Record<string, string>> = {
  'an attribute length of zero': '0000010000000000',
  'an attribute length below its header': '0300010000000000',
  'an attribute longer than its message': '0c00010000000000',
  'a number attribute that is too short': '0600040000000000',
  'a rest that is no attribute': '08000100ac1e18000400',
};

for (const [name, hex] of Object.entries(HOSTILE_ATTRIBUTES)) {
  test(`${name} ends the reading of the message`, () => {
    assert.throws(() => decodeRoute(routeWith(hex)), Fault);
  });
}

test('a nested attribute that reaches out of its parent is refused', () => {
  // IFLA_LINKINFO of 12 bytes whose only child says that it has 64.
  const bytes = Buffer.from(
    `2c000000100000000000000000000000${'00'.repeat(16)}0c0012004000010076786c61${'00'.repeat(64)}`,
    'hex',
  );
  const message = new MessageReader(bytes, 44);
  assert.ok(message.next());
  assert.throws(() => decodeLink(message), Fault);
});

test('the flags in an attribute’s type do not hide it, and unknown attributes are passed over', () => {
  // An unknown attribute 200 of seven bytes, then RTA_OIF with NLA_F_NESTED and NLA_F_NET_BYTEORDER set.
  const route = decodeRoute(routeWith('0700c800aabbcc00' + '080004c004000000'));
  assert.equal(route?.linkIndex, 4);
});
