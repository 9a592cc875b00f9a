import assert from 'node:assert/strict';
import { test } from 'node:test';
import { alternativeNames, normalHost } from './alternative-names.ts';

test('names, then mail addresses, then addresses, each in their order', () => {
  assert.deepEqual(
    alternativeNames(['10.0.0.2', 'B.example', 'ops@a.example', 'FD00:0::1', 'a.example', '10.0.0.1']).map(
      ({ type, value }) => `${type} ${value}`,
    ),
    ['dns B.example', 'dns a.example', 'email ops@a.example', 'ip 10.0.0.2', 'ip fd00::1', 'ip 10.0.0.1'],
  );
});

test('equal hosts have one spelling', () => {
  for (const [host, normal] of [
    ['A.Example', 'a.example'],
    ['10.0.0.1', '10.0.0.1'],
    ['FD00:0:0::000a', 'fd00::a'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['::ffff:a00:1', '10.0.0.1'],
    ['::1.2.3.4', '::102:304'],
    ['::1', '::1'],
  ] as const) {
    assert.equal(normalHost(host), normal);
  }
});
