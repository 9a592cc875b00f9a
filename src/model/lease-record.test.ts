import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseIpv4 } from './ipv4.ts';
import { parseIpv6 } from './ipv6.ts';
import type { Json, LeaseAttributes } from './lease.ts';
import { decodeLeaseRecord, encodeLeaseRecord, LONGEST_RECORD } from './lease-record.ts';

const publicIp = parseIpv4('10.77.0.12') ?? 0;
const bare: LeaseAttributes = { publicIp, publicIpv6: null, backendType: '' };

/** Values that flannel 0.28.9 and 0.11.0 wrote into a real etcd. */
const RECORDED_028 = [
  '{"PublicIP":"10.77.0.12","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"8a:1b:af:8c:b2:78"}}',
  '{"PublicIP":"10.77.0.12","PublicIPv6":null,"BackendType":"host-gw"}',
  '{"PublicIP":"1.2.3.4","PublicIPv6":null}',
];

for (const text of RECORDED_028) {
  test(`flannel's ${text.slice(0, 70)}… is read and written back byte for byte`, () => {
    const decoded = decodeLeaseRecord(text);
    assert.ok('attributes' in decoded);
    assert.equal(encodeLeaseRecord(decoded.attributes), text);
  });
}

test('the record of flannel 0.11, without PublicIPv6 and VNI, is read', () => {
  assert.deepEqual(
    decodeLeaseRecord('{"PublicIP":"10.77.0.12","BackendType":"vxlan","BackendData":{"VtepMAC":"76:33:50:d7:04:3d"}}'),
    {
      attributes: { ...bare, backendType: 'vxlan', backendData: { VtepMAC: '76:33:50:d7:04:3d' } },
    },
  );
});

test('a record of both families keeps the order of its fields', () => {
  const text =
    '{"PublicIP":"10.77.0.12","PublicIPv6":"fd00::12","BackendType":"vxlan","BackendData":{"VNI":1},"BackendV6Data":{"VNI":1}}';
  const attributes = {
    ...bare,
    publicIpv6: parseIpv6('fd00::12') ?? null,
    backendType: 'vxlan',
    backendData: { VNI: 1 },
    backendV6Data: { VNI: 1 },
  };
  assert.equal(encodeLeaseRecord(attributes), text);
  assert.deepEqual(decodeLeaseRecord(text), { attributes });
});

test('characters that Go escapes in strings are escaped alike', () => {
  const text = encodeLeaseRecord({ ...bare, backendType: 'extension', backendData: 'a<b>&\u2028"\n' });
  assert.equal(
    text,
    '{"PublicIP":"10.77.0.12","PublicIPv6":null,"BackendType":"extension","BackendData":"a\\u003cb\\u003e\\u0026\\u2028\\"\\n"}',
  );
});

test('keys match without regard to case, the last one wins, unknown ones are passed over', () => {
  assert.deepEqual(
    decodeLeaseRecord(' {"publicip":"1.2.3.4","PUBLICIP":"10.77.0.12","Extra":[1],"backendtype":"udp"} '),
    {
      attributes: { ...bare, backendType: 'udp' },
    },
  );
});

test('missing and null optional fields are absent, a missing PublicIP is 0.0.0.0', () => {
  const text = '{"PublicIPv6":null,"BackendType":null,"BackendData":null,"BackendV6Data":null}';
  assert.deepEqual(decodeLeaseRecord(text), { attributes: { ...bare, publicIp: 0 } });
});

const REFUSED: readonly (readonly [text: string, reason: RegExp])[] = [
  ['', /not valid JSON/],
  ['{', /not valid JSON/],
  ['null', /not a JSON object/],
  ['[]', /not a JSON object/],
  ['"x"', /not a JSON object/],
  ['{"PublicIP":null}', /PublicIP is not an IPv4 address: null/],
  ['{"PublicIP":"fd00::1"}', /PublicIP is not an IPv4 address: "fd00::1"/],
  ['{"PublicIP":[[]]}', /PublicIP is not an IPv4 address: \[…\]/],
  ['{"PublicIP":"1.2.3.4","PublicIPv6":""}', /PublicIPv6 is not an IPv6 address/],
  ['{"PublicIP":"1.2.3.4","BackendType":7}', /BackendType is not a string: 7/],
  [`{"PublicIP":"1.2.3.4","BackendData":${'['.repeat(7000)}${']'.repeat(7000)}}`, /nested more than 32 levels/],
  [`{"PublicIP":"1.2.3.4","BackendData":"${'x'.repeat(LONGEST_RECORD)}"}`, /at most 16384 are read/],
];
for (const [text, reason] of REFUSED) {
  test(`${JSON.stringify(text.slice(0, 50))} is refused with the reason`, () => {
    const decoded = decodeLeaseRecord(text);
    assert.ok('reason' in decoded);
    assert.match(decoded.reason, reason);
  });
}

const json = fc
  .jsonValue({ maxDepth: 4, noUnicodeString: false })
  .map((value): Json => JSON.parse(JSON.stringify(value)));
const attributes = fc
  .record(
    {
      publicIp: fc.integer({ min: 0, max: 0xffffffff }),
      publicIpv6: fc.option(fc.bigInt({ min: 0n, max: (1n << 128n) - 1n })),
      backendType: fc.string(),
      backendData: json,
      backendV6Data: json,
    },
    { requiredKeys: ['publicIp', 'publicIpv6', 'backendType'], noNullPrototype: true },
  )
  .filter((value) => value.backendData !== null && value.backendV6Data !== null);

test('all attributes survive their record, and the record is valid JSON without spaces of its own', () => {
  fc.assert(
    fc.property(attributes, (value) => {
      const text = encodeLeaseRecord(value);
      assert.deepEqual(decodeLeaseRecord(text), { attributes: value });
      assert.doesNotMatch(text, /[<>&\u2028\u2029]/);
    }),
  );
});

test('no text whatever makes the reader throw', () => {
  const mutated = fc.tuple(fc.constantFrom(...RECORDED_028), fc.nat(120), fc.string({ maxLength: 3 }));
  fc.assert(
    fc.property(mutated, ([text, at, insert]) => {
      decodeLeaseRecord(text.slice(0, at) + insert + text.slice(at + 1));
      decodeLeaseRecord(text.slice(0, at));
    }),
    { numRuns: 2000 },
  );
});
