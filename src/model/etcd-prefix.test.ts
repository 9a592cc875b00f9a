import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cleanEtcdPrefix } from './etcd-prefix.ts';

for (const [given, cleaned] of [
  ['/coreos.com/network', '/coreos.com/network'],
  ['//coreos.com/./network//', '/coreos.com/network'],
  ['/a/../kubernetes/network', '/kubernetes/network'],
  ['kubernetes//network/', 'kubernetes/network'],
  ['/', '/'],
  ['', ''],
] as const) {
  test(`the prefix "${given}" is "${cleaned}", as path.Join of Go has it`, () => {
    assert.equal(cleanEtcdPrefix(given), cleaned);
  });
}
