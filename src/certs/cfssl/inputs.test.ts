import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { readConfigInput } from './config-input.ts';
import { readCsrInput } from './csr-input.ts';
import { lifeProblem, parseDays, parseDuration } from './duration.ts';
import { hostProblem } from './host-problem.ts';
import { formatInputProblem, type InputProblem } from './json-input.ts';

const GUIDE_CONFIG = `{
\t"signing": {
\t\t"default": {
\t\t\t"expiry": "87600h"
\t\t},
\t\t"profiles": {
\t\t\t"kubernetes": {
\t\t\t\t"usages": ["signing", "key encipherment", "server auth", "client auth"],
\t\t\t\t"expiry": "87600h"
\t\t\t}
\t\t}
\t}
}
`;
const GUIDE_REQUEST = `{
\t"CN": "etcd",
\t"hosts": [
\t\t"127.0.0.1",
\t\t"192.168.80.61"
\t],
\t"key": { "algo": "rsa", "size": 2048 },
\t"names": [{
\t\t"C" : "CN",
\t\t"ST": "GuangDong",
\t\t"L" : "ShenZheng",
\t\t"O" : "pingan",
\t\t"OU": "caas"
\t}]
}
`;

test('ca-config.json of the guides, tabs and all', () => {
  const problems: InputProblem[] = [];
  const config = readConfigInput('ca-config.json', GUIDE_CONFIG, problems);
  assert.deepEqual(problems, []);
  assert.deepEqual(config?.standard, { usages: [], lifeMs: 87_600 * 3_600_000 });
  assert.deepEqual(
    [...(config?.profiles ?? [])],
    [
      [
        'kubernetes',
        { usages: ['signing', 'key encipherment', 'server auth', 'client auth'], lifeMs: 87_600 * 3_600_000 },
      ],
    ],
  );
});

test('etcd-csr.json of the guides', () => {
  const problems: InputProblem[] = [];
  assert.deepEqual(readCsrInput('etcd-csr.json', GUIDE_REQUEST, problems), {
    subject: {
      commonName: 'etcd',
      names: [{ C: 'CN', ST: 'GuangDong', L: 'ShenZheng', O: 'pingan', OU: 'caas' }],
    },
    hosts: ['127.0.0.1', '192.168.80.61'],
    keyType: 'rsa2048',
  });
  assert.deepEqual(problems, []);
});

test('names match in any case, null is an empty list, an empty part is none, a backdate is read', () => {
  const problems: InputProblem[] = [];
  const text = '{"cn":"a","HOSTS":null,"names":[{"c":"CN","O":""}],"CA":{"Expiry":"1h30m"}}';
  assert.deepEqual(readCsrInput('a-csr.json', text, problems), {
    subject: { commonName: 'a', names: [{ C: 'CN' }] },
    hosts: [],
    rootLifeMs: 5_400_000,
  });
  const profile = '{"signing":{"profiles":{"p":{"usages":["any"],"expiry":"1h","backdate":"10m"}}}}';
  assert.equal(readConfigInput('c', profile, problems)?.profiles.get('p')?.backdateMs, 600_000);
  assert.deepEqual(problems, []);
});

test('every problem of a request is told at once, with line and column', () => {
  assert.deepEqual(
    csrProblems(`{
  "CN": 5,
  "hostz": [],
  "hosts": ["", "https://10.0.0.1:2379", "10.0.0.1:2379", "10.0.0.256", "a b", "10.0.0.0/8", 7],
  "key": { "algo": "dsa", "size": 2048 },
  "names": [{ "C": "China", "Q": "x" }, "y"],
  "ca": { "expiry": "10y", "pathlen": 1 },
  "serialnumber": "1"
}`),
    [
      'x:3:3: hostz: unknown name (did you mean "hosts"?)',
      `x:8:3: serialnumber: ${NOT_MADE}, or make this certificate with cfssl`,
      'x:2:3: CN: must be a string, is 5',
      'x:6:29: names[0].Q: unknown name (did you mean "C"?)',
      'x:6:15: names[0].C: "China" is no country: two letters, such as CN',
      'x:6:41: names[1]: must be an object, is "y"',
      'x:5:12: key.algo: "dsa" is no kind of key: rsa or ecdsa',
      `x:7:28: ca.pathlen: ${NOT_MADE}, or make this certificate with cfssl`,
      'x:7:11: ca.expiry: "10y" is no length of time, such as 87600h',
      'x:4:13: hosts[0]: is empty',
      'x:4:17: hosts[1]: "https://10.0.0.1:2379" is a URL: give the name or address alone',
      'x:4:42: hosts[2]: "10.0.0.1:2379" has a port or brackets: give the name or address alone',
      'x:4:59: hosts[3]: "10.0.0.256" is no IP address',
      'x:4:73: hosts[4]: "a b" is neither a name nor an address',
      'x:4:80: hosts[5]: "10.0.0.0/8" is no IP address',
      'x:4:94: hosts[6]: must be a string, is 7',
    ],
  );
});

const NOT_MADE = 'cfssl knows this, weft does not make it: leave it out';

suite('one problem of a request', () => {
  for (const [text, problem] of [
    ['', 'x:1:1: not JSON: Unexpected end of JSON input'],
    ['{"CN": "a",\n}', 'x:2:1: not JSON: Expected double-quoted property name'],
    ['{"CN": "a"\n ', "x:2:2: not JSON: Expected ',' or '}' after property value"],
    ['CN: a', "x:1:1: not JSON: Unexpected token 'C'"],
    ['{"CN": "a",\n "hosts": ["127.0.0.1",\n  "10.0.0.1",]\n, "key": {}}', "x:3:14: not JSON: Unexpected token ']'"],
    ['[]', 'x:1:1: must be an object, is a list'],
    ['{}', 'x:1:1: the certificate has no name: give a CN'],
    ['{"CN":"","names":[{}]}', 'x:1:2: CN: the certificate has no name: give a CN'],
    ['{"CN":"a","CN":"b"}', 'x:1:11: Map keys must be unique'],
    ['{"CN":"a","hosts":"b"}', 'x:1:11: hosts: must be a list, is "b"'],
    ['{"CN":"a","hosts":[null]}', 'x:1:20: hosts[0]: must be a string, is null'],
    ['{"CN":"a","key":{"algo":"rsa"}}', 'x:1:11: key: size is missing, as in {"algo": "rsa", "size": 2048}'],
    ['{"CN":"a","key":{"size":1}}', 'x:1:11: key: algo is missing, as in {"algo": "rsa", "size": 2048}'],
    [
      '{"CN":"a","key":{"algo":"rsa","size":1024}}',
      'x:1:31: key.size: 1024 is no size of an rsa key here: 2048, 3072, 4096',
    ],
    ['{"CN":"a","key":{"algo":"ecdsa","size":2.5}}', 'x:1:33: key.size: must be a whole number, is 2.5'],
    ['{"CN":"a","ca":{"expiry":"30s"}}', 'x:1:17: ca.expiry: "30s" is less than a minute'],
    ['{"CN":"a","ca":{"expiry":"99999999h"}}', 'x:1:17: ca.expiry: "99999999h" is more than 1000 years'],
  ] as const) {
    test(text === '' ? 'an empty file' : text, () => {
      const [first, ...rest] = csrProblems(text);
      assert.equal(first, problem);
      assert.deepEqual(rest, []);
    });
  }
});

suite('one problem of a signing configuration', () => {
  for (const [text, problem] of [
    ['{}', 'x:1:1: signing is missing'],
    ['{"sining":{}}', 'x:1:2: sining: unknown name (did you mean "signing"?)'],
    ['{"signing":{"default":{}}}', 'x:1:13: signing.default: expiry is missing, such as "87600h"'],
    ['{"signing":{"profiles":[]}}', 'x:1:13: signing.profiles: must be an object, is a list'],
    [
      '{"signing":{"profiles":{"a":{"expiry":"1h"}}}}',
      'x:1:25: signing.profiles.a: usages are missing, such as "server auth"',
    ],
    [
      '{"signing":{"profiles":{"a":{"expiry":"1h","usages":["server-auth"]}}}}',
      'x:1:54: signing.profiles.a.usages[0]: "server-auth" is no usage (did you mean "server auth"?)',
    ],
    [
      '{"signing":{"profiles":{"a":{"expiry":"1h","usages":["any"],"backdate":"x"}}}}',
      'x:1:61: signing.profiles.a.backdate: "x" is no length of time, such as 5m',
    ],
    [
      '{"signing":{"profiles":{"a":{"expiry":"1h","usages":["any"],"remote":"x"}}}}',
      'x:1:61: signing.profiles.a.remote: signing by a remote cfssl is not done here: leave it out, or sign with cfssl',
    ],
    [
      '{"signing":{"profiles":{"a":{"expiry":"1h","usages":["any"],"ca_constraint":{"is_ca":true}}}}}',
      'x:1:61: signing.profiles.a.ca_constraint: authorities below the root are not made here: leave it out, or sign with cfssl',
    ],
    ['{"signing":{"default":{"expiry":5}}}', 'x:1:24: signing.default.expiry: must be a string, is 5'],
    ['{', "x:1:2: not JSON: Expected property name or '}'"],
  ] as const) {
    test(text, () => {
      const problems: InputProblem[] = [];
      assert.equal(readConfigInput('x', text, problems), undefined);
      assert.deepEqual(problems.map(formatInputProblem), [problem]);
    });
  }
});

test('whatever the file holds, it is read or refused with problems, never both', () => {
  const texts = fc.oneof(
    fc.json(),
    fc.string(),
    fc.json().map((json) => `{"CN":"a","hosts":${json},"key":${json},"names":[${json}]}`),
  );
  fc.assert(
    fc.property(texts, (text) => {
      for (const read of [readCsrInput, readConfigInput]) {
        const problems: InputProblem[] = [];
        assert.equal(read('x', text, problems) === undefined, problems.length > 0);
        for (const { line = 0, column = 0 } of problems) assert(line >= 1 && column >= 1);
      }
    }),
  );
});

test('lengths of time, as Go and as operators write them', () => {
  for (const [text, lengthMs] of [
    ['87600h', 315_360_000_000],
    ['1h30m', 5_400_000],
    ['1.5h', 5_400_000],
    ['90s', 90_000],
    ['250ms', 250],
  ] as const) {
    assert.equal(parseDuration(text), lengthMs);
  }
  for (const text of ['', '10', 'h', '-1h', '1d', '1h ', '1y']) assert.equal(parseDuration(text), undefined);
  assert.equal(parseDays('30d'), 30 * 86_400_000);
  assert.equal(parseDays('36h'), 36 * 3_600_000);
  assert.equal(parseDays('1.5d'), undefined);
  assert.equal(lifeProblem(60_000), undefined);
});

test('hosts that a certificate can be for', () => {
  for (const host of [
    'etcd-1',
    '*.example.org',
    'a.b.c',
    '10.0.0.1',
    'fd00::1',
    '::ffff:1.2.3.4',
    'ops@example.org',
    '_srv.x',
  ]) {
    assert.equal(hostProblem(host), undefined, host);
  }
  for (const host of [
    'fe80::1%eth0',
    '-a',
    'a..b',
    `${'a'.repeat(64)}.x`,
    '[::1]',
    'a b@c',
    '1.2.3',
    `${'abc.'.repeat(70)}x`,
  ]) {
    assert.notEqual(hostProblem(host), undefined, host);
  }
});

function csrProblems(text: string): readonly string[] {
  const problems: InputProblem[] = [];
  assert.equal(readCsrInput('x', text, problems), undefined);
  return problems.map(formatInputProblem);
}
