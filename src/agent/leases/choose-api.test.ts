import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '#runtime/fault.ts';
import type { FaultCode } from '#runtime/fault-table.ts';
import { type ConfigLook, chooseApi, lookAt } from './choose-api.ts';

const FOUND: ConfigLook = { document: '{}' };
const NONE: ConfigLook = { document: undefined };
const failed = (code: FaultCode): ConfigLook => ({ fault: new Fault(code, { what: code }) });

for (const [sentence, v3, v2, api, found] of [
  ['v3 wins when both have a network', FOUND, FOUND, 'v3', true],
  ['v3 is enough, whatever is wrong with v2', FOUND, failed('etcd.auth'), 'v3', true],
  ['v2 is taken when v3 has none', NONE, FOUND, 'v2', true],
  ['v2 is taken when the etcd is older than v3', failed('etcd.tls.handshake'), FOUND, 'v2', true],
  ['v3 is where to write when neither has one', NONE, NONE, 'v3', false],
  ['v3 is where to write when v2 is switched off', NONE, failed('etcd.protocol'), 'v3', false],
  ['v2 is where to write when the etcd is older than v3', failed('etcd.protocol'), NONE, 'v2', false],
] as const) {
  test(sentence, () => assert.deepEqual(chooseApi(v3, v2), { api, found }));
}

for (const [sentence, v3, v2, code] of [
  ['v2 is not taken while v3 cannot be asked', failed('etcd.timeout'), FOUND, 'etcd.timeout'],
  ['that v2 cannot be asked is said when v3 has none', NONE, failed('etcd.auth'), 'etcd.auth'],
  ['the fault of the side that is served is told', failed('etcd.protocol'), failed('etcd.auth'), 'etcd.auth'],
  [
    'what serves neither API is told as v3 sees it',
    failed('etcd.tls.handshake'),
    failed('etcd.protocol'),
    'etcd.tls.handshake',
  ],
] as const) {
  test(sentence, () =>
    assert.throws(
      () => chooseApi(v3, v2),
      (error) => error instanceof Fault && error.code === code,
    ),
  );
}

test("a programmer's error is no finding", async () => {
  await assert.rejects(lookAt(Promise.reject(new TypeError('bug'))), TypeError);
});
