import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withoutSecrets } from './document-secrets.ts';

test('a preshared key is hidden however its name is written, and nothing else', () => {
  for (const name of ['PSK', 'psk', 'p\\u0073K']) {
    const text = withoutSecrets(`{"Network": "10.5.0.0/16",\n "Backend": {"Type": "wireguard", "${name}": "hunter2"}}`);
    assert.match(text, /^\{"Network":"10\.5\.0\.0\/16","Backend":\{"Type":"wireguard","psk":"\*\*\*"\}\}$/i);
  }
  assert.equal(withoutSecrets('{"Backend":{"PSK":["hunter2"]}}'), '{"Backend":{"PSK":"***"}}');
  assert.equal(withoutSecrets('{"Backend":{"PSK":"","VNI":5}}'), '{"Backend":{"PSK":"","VNI":5}}');
});
