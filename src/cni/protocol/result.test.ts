import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { type CniResult, encodeResult, parseResult } from './result.ts';
import { CNI_VERSIONS } from './version.ts';

const RESULT: CniResult = {
  interfaces: [
    { name: 'cni0', mac: '02:00:00:00:00:01' },
    { name: 'eth0', sandbox: '/run/netns/c1', mtu: 1450 },
  ],
  ips: [
    { address: '10.5.1.7/24', gateway: '10.5.1.1', interface: 1 },
    { address: 'fd00:5::7/64', interface: 1 },
  ],
  routes: [{ dst: '10.5.0.0/16' }, { dst: '::/0', gw: 'fd00:5::1', mtu: 1400, table: 7 }],
  dns: { nameservers: ['10.5.1.1'] },
};

const as = (version: (typeof CNI_VERSIONS)[number], result = RESULT): unknown =>
  JSON.parse(encodeResult(result, version));

suite('the JSON of a result is that of its version', () => {
  test('1.1.0 says all', () => {
    assert.deepEqual(as('1.1.0'), { cniVersion: '1.1.0', ...RESULT });
  });

  test('1.0.0 has none of the newer fields', () => {
    assert.deepEqual(as('1.0.0'), {
      cniVersion: '1.0.0',
      ...RESULT,
      interfaces: [
        { name: 'cni0', mac: '02:00:00:00:00:01' },
        { name: 'eth0', sandbox: '/run/netns/c1' },
      ],
      routes: [{ dst: '10.5.0.0/16' }, { dst: '::/0', gw: 'fd00:5::1' }],
    });
  });

  for (const version of ['0.3.0', '0.3.1', '0.4.0'] as const) {
    test(`${version} says the family of each address`, () => {
      assert.deepEqual(as(version), {
        cniVersion: version,
        interfaces: [
          { name: 'cni0', mac: '02:00:00:00:00:01' },
          { name: 'eth0', sandbox: '/run/netns/c1' },
        ],
        ips: [
          { version: '4', interface: 1, address: '10.5.1.7/24', gateway: '10.5.1.1' },
          { version: '6', interface: 1, address: 'fd00:5::7/64' },
        ],
        routes: [{ dst: '10.5.0.0/16' }, { dst: '::/0', gw: 'fd00:5::1' }],
        dns: { nameservers: ['10.5.1.1'] },
      });
    });
  }

  for (const version of ['0.1.0', '0.2.0'] as const) {
    test(`${version} has one address per family, each with its routes`, () => {
      assert.deepEqual(as(version), {
        cniVersion: version,
        ip4: { ip: '10.5.1.7/24', gateway: '10.5.1.1', routes: [{ dst: '10.5.0.0/16' }] },
        ip6: { ip: 'fd00:5::7/64', routes: [{ dst: '::/0', gw: 'fd00:5::1' }] },
        dns: { nameservers: ['10.5.1.1'] },
      });
    });
  }

  test('what is empty is left out, but dns before 1.0', () => {
    const empty = { interfaces: [], ips: [], routes: [], dns: {} };
    assert.deepEqual(as('1.0.0', empty), { cniVersion: '1.0.0' });
    assert.deepEqual(as('0.4.0', empty), { cniVersion: '0.4.0', dns: {} });
    assert.throws(() => as('0.2.0', empty), /cannot convert: no valid IP addresses/);
  });
});

test('what is written is read back, in every version as far as that can say it', () => {
  const octet = fc.integer({ min: 0, max: 255 });
  const address = fc
    .tuple(octet, octet)
    .map(([a, b]) => ({ address: `10.5.${a}.${b}/24`, gateway: '10.5.0.1', interface: 0 }));
  const route = fc.tuple(octet, fc.option(octet, { nil: undefined })).map(([a, gw]) => ({
    dst: `10.${a}.0.0/16`,
    ...(gw !== undefined && { gw: `10.5.0.${gw}` }),
  }));
  const results = fc.record({
    interfaces: fc.constant([{ name: 'eth0' }]),
    ips: fc.array(address, { minLength: 1, maxLength: 3 }),
    routes: fc.array(route, { maxLength: 3 }),
    dns: fc.constant({ domain: 'a' }),
  });
  fc.assert(
    fc.property(results, fc.constantFrom(...CNI_VERSIONS), (result, version) => {
      const read = parseResult(encodeResult(result, version), '1.1.0');
      if (version > '0.2.0') assert.deepEqual(read, { ...result });
      else assert.equal(read.ips[0]?.address, result.ips[0]?.address);
    }),
  );
});

test('a result without a version is of the one that was asked for', () => {
  const old = '{"ip4":{"ip":"10.5.1.7/24","routes":[{"dst":"0.0.0.0/0"}]}}';
  assert.deepEqual(parseResult(old, '0.2.0'), {
    interfaces: [],
    ips: [{ address: '10.5.1.7/24' }],
    routes: [{ dst: '0.0.0.0/0' }],
    dns: {},
  });
});

suite('what is no result is refused with code 6', () => {
  const cases = [
    '',
    'null',
    '{"ips":[{}]}',
    '{"ips":[7]}',
    '{"routes":[{"gw":"10.0.0.1"}]}',
    '{"interfaces":[{"mtu":"1"}]}',
    '{"dns":7}',
  ];
  for (const text of cases) {
    test(text || 'nothing', () => assert.throws(() => parseResult(text, '1.1.0'), { name: 'CniError', code: 6 }));
  }

  test('and one of an unknown version with code 1', () => {
    assert.throws(() => parseResult('{"cniVersion":"7.0.0"}', '1.1.0'), { code: 1 });
  });
});
