import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Fault } from '#runtime/fault.ts';
import { type LeaseSettings, leaseSettings, withLeaseSettings } from './daemon-json.ts';
import { readJsonObject } from './json-text.ts';

const PATH = '/etc/docker/daemon.json';
const LEASE: LeaseSettings = { bip: '172.30.71.1/24', mtu: 1450, 'ip-masq': false };
const NONE: LeaseSettings = { bip: undefined, mtu: undefined, 'ip-masq': undefined };
const edit = (text: string | undefined, settings = LEASE): string => withLeaseSettings(text, settings, PATH);

test('members are added after the last one, indented as it is, and the order of the others stays', () => {
  const before = '{\n    "log-driver": "journald",\n    "data-root": "/data/docker"\n}\n';
  const members = '    "bip": "172.30.71.1/24",\n    "mtu": 1450,\n    "ip-masq": false\n';
  assert.equal(edit(before), before.replace('docker"\n', `docker",\n${members}`));
});

test('a new file, an empty object and one on a single line', () => {
  const whole = '{\n  "bip": "172.30.71.1/24",\n  "mtu": 1450,\n  "ip-masq": false\n}\n';
  assert.equal(edit(undefined), whole);
  assert.equal(edit('{}\n'), whole);
  assert.equal(edit('{"a": [1]}'), '{"a": [1], "bip": "172.30.71.1/24", "mtu": 1450, "ip-masq": false}');
});

test('a value that is there is changed where it stands, and the same one not at all', () => {
  const before = '{ "mtu" :1500 ,\t"bip":"10.0.0.1/24" , "ip-masq":true,"x":{} }';
  const after = edit(before);
  assert.equal(after, '{ "mtu" :1450 ,\t"bip":"172.30.71.1/24" , "ip-masq":false,"x":{} }');
  assert.equal(edit(after), after);
});

test('members are removed with the comma that stood between them and their neighbours', () => {
  assert.equal(edit('{\n  "bip": "x",\n  "a": 1\n}\n', NONE), '{\n  "a": 1\n}\n');
  assert.equal(edit('{\n  "a": 1,\n  "mtu": 9\n}\n', NONE), '{\n  "a": 1\n}\n');
  assert.equal(edit('{\n  "mtu": 9\n}\n', NONE), '{\n}\n');
});

test('a file goes through adding and removing as if nothing had been, whatever is in it', () => {
  const names = fc.string({ minLength: 1 }).filter((name) => !['bip', 'mtu', 'ip-masq', '__proto__'].includes(name));
  fc.assert(
    fc.property(
      fc.dictionary(names, fc.jsonValue(), { minKeys: 1 }),
      fc.integer({ min: 0, max: 4 }),
      (object, indent) => {
        const before = JSON.stringify(object, null, indent);
        const wired = edit(before);
        assert.deepEqual(JSON.parse(wired), { ...JSON.parse(before), ...LEASE });
        assert.deepEqual(leaseSettings(wired, PATH), LEASE);
        assert.equal(edit(wired, NONE), before);
      },
    ),
  );
});

test('what JSON.parse takes is taken and what it refuses is refused', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary-ascii' }),
      fc.jsonValue(),
      fc.integer({ min: 0, max: 20 }),
      (junk, value, at) => {
        const good = JSON.stringify({ value });
        const text = good.slice(0, at) + junk + good.slice(at);
        assert.equal(
          accepts(() => readJsonObject(text, PATH)),
          accepts(() => JSON.parse(text)),
          text,
        );
      },
    ),
  );
});

for (const [text, where, what] of [
  ['{\n  "a": 1\n  "b": 2\n}', 'line 3, column 3', /"\\"" stands where a comma or \} should be/],
  ['{\n  "a": 1,\n}', 'line 3, column 1', /"}" stands where a name in double quotes should be/],
  ['', 'line 1, column 1', /the file ends where an object, which begins with \{ should be/],
  ['[]', 'line 1, column 1', /an object/],
  ["{'a': 1}", 'line 1, column 2', /a name in double quotes/],
  ['{"a" 1}', 'line 1, column 6', /a colon after "a"/],
  ['{"a": tru}', 'line 1, column 7', /a value should be/],
  ['{"a": [1 2]}', 'line 1, column 10', /a comma or \]/],
  ['{"a": 1} x', 'line 1, column 10', /something after the end/],
  ['{"mtu": 1,\n "mtu": 2}', 'line 2, column 2', /"mtu" stands there a second time/],
  [`{"a": ${'['.repeat(300)}`, 'line 1, column 207', /more than 200 deep/],
] as const) {
  test(`${JSON.stringify(text.slice(0, 30))} is refused at ${where}`, () => {
    assert.throws(
      () => leaseSettings(text, PATH),
      (error) =>
        error instanceof Fault &&
        error.code === 'docker.daemon-json' &&
        what.test(error.message) &&
        error.where === `${PATH}, ${where}`,
    );
  });
}

function accepts(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch {
    return false;
  }
}
