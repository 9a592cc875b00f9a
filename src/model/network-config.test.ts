import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatIpv4Cidr } from './cidr.ts';
import { formatIpv4 } from './ipv4.ts';
import { formatIpv6, formatIpv6Cidr } from './ipv6.ts';
import { formatConfigProblem, type NetworkConfig, parseNetworkConfig } from './network-config.ts';

function good(text: string): NetworkConfig {
  const parsed = parseNetworkConfig(text);
  assert.ok('config' in parsed, 'expected a configuration');
  return parsed.config;
}

function problemsOf(text: string): readonly string[] {
  const parsed = parseNetworkConfig(text);
  assert.ok('problems' in parsed, 'expected problems');
  return parsed.problems.map(formatConfigProblem);
}

/** `network length min max`, as a person writes them. */
function ipv4Of(text: string): string {
  const { ipv4 } = good(text);
  return ipv4 === undefined
    ? 'none'
    : `${formatIpv4Cidr(ipv4.network)} ${ipv4.subnetLength} ${formatIpv4(ipv4.subnetMin)} ${formatIpv4(ipv4.subnetMax)}`;
}

function ipv6Of(text: string): string {
  const { ipv6 } = good(text);
  return ipv6 === undefined
    ? 'none'
    : `${formatIpv6Cidr(ipv6.network)} ${ipv6.subnetLength} ${formatIpv6(ipv6.subnetMin)} ${formatIpv6(ipv6.subnetMax)}`;
}

const DERIVED: readonly (readonly [document: string, expected: string])[] = [
  ['{"Network":"10.3.0.0/16"}', '10.3.0.0/16 24 10.3.1.0 10.3.255.0'],
  ['{"Network":"10.3.0.0/22"}', '10.3.0.0/22 24 10.3.1.0 10.3.3.0'],
  ['{"Network":"10.3.0.0/23"}', '10.3.0.0/23 25 10.3.0.128 10.3.1.128'],
  ['{"Network":"10.3.0.0/28"}', '10.3.0.0/28 30 10.3.0.4 10.3.0.12'],
  ['{"Network":"10.0.0.0/8","SubnetLen":22}', '10.0.0.0/8 22 10.0.4.0 10.255.252.0'],
  ['{"Network":"240.0.0.0/4"}', '240.0.0.0/4 24 240.0.1.0 255.255.255.0'],
  ['{"Network":"10.5.1.7/16"}', '10.5.0.0/16 24 10.5.1.0 10.5.255.0'],
  ['{"Network":"10.5.0.0/16","SubnetMin":"10.5.0.0","SubnetMax":"10.5.3.0"}', '10.5.0.0/16 24 10.5.0.0 10.5.3.0'],
  ['{"Network":"10.5.0.0/16","SubnetMin":"10.5.9.0","SubnetMax":"10.5.9.0"}', '10.5.0.0/16 24 10.5.9.0 10.5.9.0'],
  ['{"Network":"10.5.0.0/16","SubnetMin":"0.0.0.0","SubnetLen":0}', '10.5.0.0/16 24 10.5.1.0 10.5.255.0'],
  ['{"Network":"10.5.0.0/16","SubnetLen":null,"Unknown":[{"Network":"x"}]}', '10.5.0.0/16 24 10.5.1.0 10.5.255.0'],
  [
    '{"Network":"10.3.0.0/16","SubnetMin":"10.3.5.0","SubnetMax":"10.3.8.0","SubnetLen":28}',
    '10.3.0.0/16 28 10.3.5.0 10.3.8.0',
  ],
  [
    '{"NETWORK":"10.1.0.0/16","network":"10.2.0.0/16","Network":"10.3.0.0/16","nEtWoRk":"10.4.0.0/16"}',
    '10.4.0.0/16 24 10.4.1.0 10.4.255.0',
  ],
  ['{"Network":"10.1.0.0/16","network":"10.2.0.0/16","Network":"10.3.0.0/16"}', '10.3.0.0/16 24 10.3.1.0 10.3.255.0'],
  ['{"EnableIPv4":false,"EnableIPv6":true,"IPv6Network":"fc00::/48"}', 'none'],
];
for (const [document, expected] of DERIVED) {
  test(`${document} gives IPv4 ${expected}`, () => assert.equal(ipv4Of(document), expected));
}

const DERIVED_IPV6: readonly (readonly [fields: string, expected: string])[] = [
  ['"IPv6Network":"fc00::/48"', 'fc00::/48 64 fc00:0:0:1:: fc00:0:0:ffff::'],
  ['"IPv6Network":"fc00::1/62","IPv6SubnetMin":null', 'fc00::/62 64 fc00:0:0:1:: fc00:0:0:3::'],
  ['"IPv6Network":"fc00::/63"', 'fc00::/63 65 fc00::8000:0:0:0 fc00:0:0:1:8000::'],
  ['"IPv6Network":"fc00::/124"', 'fc00::/124 126 fc00::4 fc00::c'],
  [
    '"IPv6Network":"fc00::/48","IPv6SubnetMin":"fc00:0:0:1::","IPv6SubnetMax":"fc00:0:0:f::","IPv6SubnetLen":124',
    'fc00::/48 124 fc00:0:0:1:: fc00:0:0:f::',
  ],
  [
    '"IPv6Network":"fd00:10:244::/56","IPv6SubnetLen":64,"IPv6SubnetMin":"::"',
    'fd00:10:244::/56 64 fd00:10:244:1:: fd00:10:244:ff::',
  ],
];
for (const [fields, expected] of DERIVED_IPV6) {
  test(`${fields} gives IPv6 ${expected}`, () => {
    assert.equal(ipv6Of(`{"EnableIPv6":true,"Network":"10.3.0.0/16",${fields}}`), expected);
  });
}

const NETWORK = '"Network":"10.5.0.0/16"';
const REFUSED: readonly (readonly [document: string, problems: readonly RegExp[]])[] = [
  ['', [/^the document is not valid JSON: /]],
  ['{"Network": "10.5.0.0/16",}', [/^the document is not valid JSON: .*position 26/]],
  ['[]', [/^\[\]: the document must be a JSON object$/]],
  ['null', [/^null: the document must be a JSON object$/]],
  ['{}', [/^Network: define the network/]],
  ['{"Network":"0.0.0.0/0"}', [/^Network "0.0.0.0\/0": define the network/]],
  ['{"Network":""}', [/^Network "": must be an IPv4 network/]],
  ['{"Network":null}', [/^Network null: must be an IPv4 network/]],
  ['{"Network":"fd00::/48"}', [/^Network "fd00::\/48": must be an IPv4 network/]],
  ['{"Network":"10.5.0.0"}', [/^Network "10.5.0.0": must be an IPv4 network/]],
  ['{"Network":"10.5.0.0/29"}', [/^Network "10.5.0.0\/29": is too small, the minimum useful prefix is \/28/]],
  [`{${NETWORK},"SubnetLen":24.0}`, [/^SubnetLen 24.0: must be a whole number/]],
  [`{${NETWORK},"SubnetLen":"24"}`, [/^SubnetLen "24": must be a whole number/]],
  [`{${NETWORK},"SubnetLen":-1}`, [/^SubnetLen -1: must be a whole number/]],
  [`{${NETWORK},"SubnetLen":2e1}`, [/^SubnetLen 2e1: must be a whole number/]],
  [`{${NETWORK},"SubnetLen":31}`, [/^SubnetLen 31: must be less than \/31/]],
  [
    `{${NETWORK},"SubnetLen":17}`,
    [/^SubnetLen 17: the network 10.5.0.0\/16 must hold at least four subnets: use 18 or more/],
  ],
  [`{${NETWORK},"SubnetMin":"10.6.0.0"}`, [/^SubnetMin "10.6.0.0": is not in the range of the Network 10.5.0.0\/16/]],
  [`{${NETWORK},"SubnetMax":"10.4.255.0"}`, [/^SubnetMax "10.4.255.0": is not in the range/]],
  [
    `{${NETWORK},"SubnetMin":"10.5.1.16"}`,
    [/^SubnetMin "10.5.1.16": is not on a SubnetLen boundary: a \/24 begins at 10.5.1.0/],
  ],
  [`{${NETWORK},"SubnetMax":"10.5.1.1"}`, [/^SubnetMax "10.5.1.1": is not on a SubnetLen boundary/]],
  [`{${NETWORK},"SubnetMin":""}`, [/^SubnetMin "": must be an IPv4 address/]],
  [`{${NETWORK},"SubnetMin":null}`, [/^SubnetMin null: must be an IPv4 address/]],
  [`{${NETWORK},"SubnetMin":"fd00::"}`, [/^SubnetMin "fd00::": must be an IPv4 address/]],
  [
    `{${NETWORK},"SubnetMin":"10.5.9.0","SubnetMax":"10.5.8.0"}`,
    [/^SubnetMin "10.5.9.0": is above SubnetMax 10.5.8.0/],
  ],
  [`{${NETWORK},"EnableIPv6":"yes"}`, [/^EnableIPv6 "yes": must be true or false/]],
  [`{${NETWORK},"EnableIPv4":false}`, [/neither EnableIPv4 nor EnableIPv6/]],
  [`{${NETWORK},"EnableIPv6":true}`, [/^IPv6Network: define the network/]],
  [`{${NETWORK},"EnableIPv6":true,"IPv6Network":"::/0"}`, [/^IPv6Network "::\/0": define the network/]],
  [`{${NETWORK},"EnableIPv6":true,"IPv6Network":"fc00::/125"}`, [/^IPv6Network "fc00::\/125": is too small, .* \/124/]],
  [
    `{${NETWORK},"EnableIPv6":true,"IPv6Network":"fc00::/48","IPv6SubnetLen":127}`,
    [/^IPv6SubnetLen 127: must be less than \/127/],
  ],
  [
    `{${NETWORK},"EnableIPv6":true,"IPv6Network":"fc00::/48","IPv6SubnetMin":"fd00::"}`,
    [/^IPv6SubnetMin "fd00::": is not in the range/],
  ],
  [`{${NETWORK},"Backend":"vxlan"}`, [/^Backend "vxlan": must be an object/]],
  [`{${NETWORK},"Backend":{"Type":1}}`, [/^Backend.Type 1: must be a string/]],
  // All at once.
  [
    '{"Network":"10.5.0.0/16","SubnetLen":24.5,"SubnetMin":"10.6.0.0","SubnetMax":"x","EnableNFTables":1,"Backend":[]}',
    [
      /^SubnetLen 24.5/,
      /^SubnetMax "x"/,
      /^EnableNFTables 1/,
      /^SubnetMin "10.6.0.0": is not in the range/,
      /^Backend \[\]/,
    ],
  ],
  ['{"Network":"10.5.0.0/30","SubnetLen":31}', [/^SubnetLen 31: must be less/, /^SubnetLen 31: .* at least four/]],
];
for (const [document, patterns] of REFUSED) {
  test(`${document.slice(0, 90)} is refused, naming ${patterns.length} problem(s)`, () => {
    const problems = problemsOf(document);
    assert.equal(problems.length, patterns.length, problems.join('\n'));
    for (const [index, pattern] of patterns.entries()) assert.match(problems[index] ?? '', pattern);
  });
}

test('fields of a family that is off are read but not validated', () => {
  assert.equal(ipv6Of('{"Network":"10.3.0.0/16","IPv6SubnetLen":200,"IPv6Network":"fc00::/125"}'), 'none');
  assert.match(problemsOf('{"Network":"10.3.0.0/16","IPv6Network":"x"}')[0] ?? '', /^IPv6Network "x"/);
});

test('the backend type is lower-cased, udp when there is no Backend, empty when it has no Type', () => {
  const typeOf = (backend: string): string => good(`{${NETWORK}${backend}}`).backend.type;
  assert.equal(typeOf(''), 'udp');
  assert.equal(typeOf(',"Backend":{}'), '');
  assert.equal(typeOf(',"Backend":null'), '');
  assert.equal(typeOf(',"Backend":{"Type":null}'), '');
  assert.equal(typeOf(',"Backend":{"Type":"VXLAN"}'), 'vxlan');
  assert.equal(typeOf(',"backend":{"TYPE":"udp","type":"Host-GW"}'), 'host-gw');
  assert.equal(typeOf(',"Backend":7,"backend":{"Type":"vxlan"}'), 'vxlan');
});

test('backend options are kept as written', () => {
  const { backend } = good(`{${NETWORK},"Backend":{"Type":"vxlan","VNI":5,"Port":4789,"directrouting":true}}`);
  assert.deepEqual(backend.options, { Type: 'vxlan', VNI: 5, Port: 4789, directrouting: true });
});

test('strings with braces, quotes and escapes do not confuse the reader of members', () => {
  const document = '{"a":"}\\",{[","Net\\u0077ork":"10.3.0.0/16" , "b" : [ {"SubnetLen": 99}, "," ], "SubnetLen" :25 }';
  assert.equal(ipv4Of(document), '10.3.0.0/16 25 10.3.0.128 10.3.255.128');
});

test('every document that is accepted has room for subnets inside its network', () => {
  const address = fc.integer({ min: 0, max: 0xffffffff }).map(formatIpv4);
  const document = fc.record(
    {
      Network: fc.tuple(address, fc.integer({ min: 0, max: 32 })).map(([base, length]) => `${base}/${length}`),
      SubnetLen: fc.integer({ min: 0, max: 32 }),
      SubnetMin: address,
      SubnetMax: address,
    },
    { requiredKeys: ['Network'], noNullPrototype: true },
  );
  fc.assert(
    fc.property(document, (value) => {
      const parsed = parseNetworkConfig(JSON.stringify(value));
      if ('problems' in parsed) return assert.ok(parsed.problems.length > 0);
      const { ipv4 } = parsed.config;
      assert.ok(ipv4 !== undefined && ipv4.subnetMin <= ipv4.subnetMax);
      const size = 2 ** (32 - ipv4.subnetLength);
      assert.equal(ipv4.subnetMin % size, 0);
      assert.equal(ipv4.subnetMax % size, 0);
      assert.ok(ipv4.subnetMin >= ipv4.network.address);
      assert.ok(ipv4.subnetMax + size <= ipv4.network.address + 2 ** (32 - ipv4.network.length));
    }),
    { numRuns: 2000 },
  );
});

test('no text whatever makes the reader throw', () => {
  const valid = `{${NETWORK},"SubnetLen":24,"Backend":{"Type":"vxlan","VNI":1}}`;
  fc.assert(
    fc.property(fc.nat(valid.length), fc.string({ maxLength: 2 }), (at, insert) => {
      parseNetworkConfig(valid.slice(0, at) + insert + valid.slice(at + 1));
    }),
    { numRuns: 2000 },
  );
  fc.assert(fc.property(fc.json(), (text) => void parseNetworkConfig(text)));
});

test('a document that is huge or nested without end is refused before it is looked into', () => {
  const nested = `{"Network":"10.5.0.0/16","Backend":{"Type":"vxlan","x":${'['.repeat(30_000)}${']'.repeat(30_000)}}}`;
  assert.deepEqual(parseNetworkConfig(nested), {
    problems: [{ field: '', value: '', reason: 'the document is nested more than 32 levels deep' }],
  });
  const huge = `{"Network":"10.5.0.0/16","x":"${'y'.repeat(1_000_000)}"}`;
  assert.deepEqual(parseNetworkConfig(huge), {
    problems: [{ field: '', value: '', reason: `the document has ${huge.length} characters, at most 65536 are read` }],
  });
});
