import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { attributesOf, dualAttributesOf, leaseOf } from '#agent/leases/lease-builders.ts';
import type { Json } from '#model/lease.ts';
import { Fault } from '#runtime/fault.ts';
import type { AgentCache, StoreIdentity } from './agent-cache.ts';
import { decodeCache } from './decode-cache.ts';
import { encodeCache } from './encode-cache.ts';

const STORE: StoreIdentity = { prefix: '/kubernetes/network', api: 'v3' };
const DOCUMENT = '{"Network":"172.30.0.0/16","Backend":{"Type":"vxlan"}}';
const CACHE: AgentCache = {
  machine: '02:00:00:00:00:0b',
  document: DOCUMENT,
  revision: 130,
  own: leaseOf('172.30.71.0-24', '10.77.0.11', { created: 20, modified: 88 }),
  peers: [
    leaseOf('172.30.9.0-24', '10.77.0.12', { created: 21, attributes: attributesOf('10.77.0.12') }),
    leaseOf('172.30.8.0-24&fd00:12:13::-56', '10.77.0.13', {
      attributes: dualAttributesOf('10.77.0.13', 'fd00:77::13'),
      reservation: true,
    }),
  ],
};

async function bytesOf(cache: AgentCache, store = STORE): Promise<Buffer> {
  return Buffer.concat(await encodeCache(cache, store, async () => undefined));
}

/** A file with a right first line around any body. */
function sealed(body: string, version = '1'): Buffer {
  const checksum = createHash('sha256').update(body).digest('hex');
  return Buffer.from(`weft-agent-cache ${version} sha256:${checksum} ${Buffer.byteLength(body)}\n${body}`);
}

/** The file of CACHE with other fields, and a checksum that is right. */
async function changed(fields: { readonly [name: string]: Json }): Promise<Buffer> {
  const text = (await bytesOf(CACHE)).toString();
  return sealed(JSON.stringify({ ...JSON.parse(text.slice(text.indexOf('\n'))), ...fields }));
}

function codeOf(bytes: Buffer, store = STORE): string {
  try {
    decodeCache(bytes, store, 'here');
    return 'read';
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    assert.equal(error.where, 'here');
    return error.code;
  }
}

test('what was written is read: leases of both families, reservations, revisions', async () => {
  assert.deepEqual(decodeCache(await bytesOf(CACHE), STORE, 'here'), CACHE);
});

test('a file that version 1 wrote is read by this program', () => {
  const value =
    '{"PublicIP":"10.77.0.11","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"8a:1b:af:8c:b2:78"}}';
  const body = JSON.stringify({
    store: { prefix: '/kubernetes/network', api: 'v3' },
    machine: '02:00:00:00:00:0b',
    revision: 130,
    document: DOCUMENT,
    own: ['172.30.71.0-24', value, false, 20, 88],
    peers: [],
  });
  assert.deepEqual(decodeCache(sealed(body), STORE, 'here'), { ...CACHE, peers: [] });
});

test('the text of many peers is made in slices, and other work runs between them', async () => {
  const peers = Array.from({ length: 1000 }, (_, index) =>
    leaseOf(`172.30.${index >> 2}.${(index & 3) * 64}-26`, `10.78.${index >> 8}.${index & 255}`),
  );
  let rests = 0;
  const pieces = await encodeCache({ ...CACHE, peers }, STORE, async () => {
    rests += 1;
  });
  assert.ok(rests >= 4, `${rests} rests`);
  assert.deepEqual(decodeCache(Buffer.concat(pieces), STORE, 'here').peers, peers);
});

for (const version of ['0', '2', '999999999']) {
  test(`version ${version} is refused by name, whatever its checksum is`, () => {
    assert.equal(codeOf(sealed('{}', version)), 'cache.version');
    assert.equal(codeOf(Buffer.from(`weft-agent-cache ${version} another form\n`)), 'cache.version');
    assert.throws(() => decodeCache(sealed('{}', version), STORE, 'here'), {
      message: `the cache is of version ${version}, this program reads version 1`,
    });
  });
}

for (const [what, store, code] of [
  ['another prefix', { prefix: '/other', api: 'v3' }, 'cache.foreign'],
  ['the other API', { prefix: '/kubernetes/network', api: 'v2' }, 'cache.foreign'],
  ['an API that is to be found out', { prefix: '/kubernetes/network', api: 'auto' }, 'read'],
] as const) {
  test(`a cache for ${what} is ${code}`, async () => assert.equal(codeOf(await bytesOf(CACHE), store), code));
}

const OWN: Json = ['172.30.71.0-24', '{"PublicIP":"10.77.0.11"}', false, 20, 88];
for (const [what, fields] of [
  ['no own lease', { own: null }],
  ['an own lease outside of the network', { own: ['10.9.9.0-24', '{}', false, 1, 1] }],
  ['a machine that is no text', { machine: 5 }],
  ['a revision below nothing', { revision: -1 }],
  ['a revision that is no whole number', { revision: 1.5 }],
  ['a document that is no text', { document: {} }],
  ['a document that is no network', { document: '{"Network":"none"}' }],
  ['peers that are no list', { peers: {} }],
  ['a peer that is no row', { peers: [{}] }],
  ['a peer with a column too many', { peers: [['172.30.9.0-24', '{}', false, 1, 1, 1]] }],
  ['a peer whose key is no subnet', { peers: [['nonsense', '{}', false, 1, 1]] }],
  ['a peer whose key is not the proper name of one', { peers: [['/172.30.9.0-24', '{}', false, 1, 1]] }],
  ['a peer whose record is not JSON', { peers: [['172.30.9.0-24', '{', false, 1, 1]] }],
  ['a peer whose record is too long', { peers: [['172.30.9.0-24', ' '.repeat(20_000), false, 1, 1]] }],
  ['a peer with a revision of text', { peers: [['172.30.9.0-24', '{}', false, '1', 1]] }],
  ['a peer whose reservation is a number', { peers: [['172.30.9.0-24', '{}', 0, 1, 1]] }],
  [
    'two peers with one subnet',
    {
      peers: [
        ['172.30.9.0-24', '{}', false, 1, 1],
        ['172.30.9.0-24', '{}', false, 1, 1],
      ],
    },
  ],
  ['a peer with our subnet', { peers: [OWN] }],
] as const) {
  test(`with ${what} nothing is read, although the checksum is right`, async () => {
    assert.equal(codeOf(await changed(fields)), 'cache.damaged');
  });
}

for (const body of ['', 'null', '[]', '{', '{"store":{}}', '\u0000']) {
  test(`the body ${JSON.stringify(body)} is refused by name`, () => assert.match(codeOf(sealed(body)), /^cache\./));
}

test('a file that ends at any byte is refused by name', async () => {
  const whole = await bytesOf(CACHE);
  for (let length = 0; length < whole.length; length += 1) {
    assert.equal(codeOf(whole.subarray(0, length)), 'cache.damaged', `${length} of ${whole.length} bytes`);
  }
});

test('a file with one bit flipped, wherever, is refused by name', async () => {
  const whole = await bytesOf(CACHE);
  for (let bit = 0; bit < whole.length * 8; bit += 1) {
    const flipped = Buffer.from(whole);
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.match(codeOf(flipped), /^cache\.(damaged|version)$/, `bit ${bit}`);
  }
});

test('whatever bytes a file has, it is refused by name', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 500 }), (bytes) => codeOf(Buffer.from(bytes)) === 'cache.damaged'));
});

test('whatever JSON is under a right checksum, it is read whole or refused by name', () => {
  fc.assert(fc.property(fc.json(), (body) => /^cache\.(damaged|foreign)$/.test(codeOf(sealed(body)))));
});
