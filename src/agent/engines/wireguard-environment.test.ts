import assert from 'node:assert/strict';
import { test } from 'node:test';
import { wireguardEnvironment } from './wireguard-environment.ts';

test("without variables the key is where flannel's is", () => {
  const expected = { keyFile: '/run/flannel/wgkey', environment: {} };
  assert.deepEqual(wireguardEnvironment({}), expected);
  assert.deepEqual(wireguardEnvironment({ WIREGUARD_KEY_FILE: '' }), expected);
});

test('programs get our own variables, and no password', () => {
  const environment = {
    WIREGUARD_KEY_FILE: '/etc/wgkey',
    WEFT_WIREGUARD_DIRECTORY: '/run/lab/host1',
    WEFT_LAB_ID: 'x',
    FLANNELD_ETCD_PASSWORD: 'secret',
    PATH: '/bin',
  };
  assert.deepEqual(wireguardEnvironment(environment), {
    keyFile: '/etc/wgkey',
    directory: '/run/lab/host1',
    environment: { WEFT_WIREGUARD_DIRECTORY: '/run/lab/host1', WEFT_LAB_ID: 'x' },
  });
});
