import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatWireguardLeaseData, parseWireguardLeaseData } from './lease-data.ts';

const KEY = 'FvOXrxcaVhsx1jo9tqfbLFNYTqGQLqjoRLWmFkQ0rWo=';

test('the text has the order of the specification', () => {
  assert.equal(JSON.stringify(formatWireguardLeaseData(KEY, 51_820)), `{"PublicKey":"${KEY}","Port":51820}`);
});

for (const [data, port] of [
  [{ PublicKey: KEY, Port: 7 }, 7],
  [{ PublicKey: KEY }, undefined],
  [{ PublicKey: KEY, Port: 0 }, undefined],
  [{ PublicKey: KEY, Port: null }, undefined],
  [{ publickey: KEY, PORT: 65_535, More: 'x' }, 65_535],
] as const) {
  test(`${JSON.stringify(data)} is read`, () => {
    assert.deepEqual(parseWireguardLeaseData(data), { publicKey: KEY, port });
  });
}

for (const data of [
  undefined,
  null,
  'text',
  [],
  {},
  { PublicKey: null },
  { PublicKey: '' },
  { PublicKey: ` ${KEY}` },
  { PublicKey: `${KEY}\nendpoint=192.0.2.66:1` },
  { PublicKey: `${'A'.repeat(43)}=` },
  { PublicKey: `${KEY.slice(0, 42)}p=` },
  { PublicKey: 'A'.repeat(1_000_000) },
  { PublicKey: KEY, Port: -1 },
  { PublicKey: KEY, Port: 65_536 },
  { PublicKey: KEY, Port: 1.5 },
  { PublicKey: KEY, Port: '51820' },
]) {
  test(`${JSON.stringify(data)?.slice(0, 90)} is refused with a short reason`, () => {
    const result = parseWireguardLeaseData(data, 'BackendV6Data');
    assert('reason' in result);
    assert.match(result.reason, /^BackendV6Data.{1,60}$/);
  });
}
