import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BACKEND_TYPES, openBackend } from './registry.ts';
import { networkOf } from './test-request.ts';

function reasonFor(type: string): string {
  const opened = openBackend(networkOf(JSON.stringify({ Network: '10.0.0.0/8', Backend: { Type: type } })));
  return 'problems' in opened ? `${opened.problems[0]?.field} ${opened.problems[0]?.reason}` : 'opened';
}

for (const type of BACKEND_TYPES) {
  test(`a document with ${type} and nothing else is opened, whatever the case of the name`, () => {
    assert.equal(reasonFor(type.toUpperCase()), 'opened');
  });
}

for (const [type, reason] of [
  ['ipsec', /not supported: .*wireguard/],
  ['tencent-vpc', /not supported: .*cloud API.*alloc/],
  ['gce', /not supported: flannel removed it/],
  ['vxlam', /unknown backend type: use vxlan, host-gw, udp, ipip, wireguard, alloc, extension/],
  ['', /unknown backend type/],
] as const) {
  test(`${type || 'an empty type'} is refused by name, with what to use instead`, () => {
    assert.match(reasonFor(type), reason);
  });
}

const OPTIONS = ['VNI', 'Port', 'MTU', 'GBP', 'Learning', 'DirectRouting', 'ListenPort', 'ListenPortV6', 'PSK', 'Mode'];
const MORE_OPTIONS = ['PersistentKeepaliveInterval', 'PreStartupCommand', 'SubnetAddCommand'];

test('whatever the options, a backend is opened or says what is wrong', () => {
  const options = fc.dictionary(fc.constantFrom(...OPTIONS, ...MORE_OPTIONS), fc.jsonValue());
  fc.assert(
    fc.property(fc.constantFrom(...BACKEND_TYPES), options, (Type, given) => {
      const opened = openBackend(networkOf(JSON.stringify({ Network: '10.0.0.0/8', Backend: { ...given, Type } })));
      assert.ok('backend' in opened || opened.problems.every(({ field }) => field.startsWith('Backend.')));
    }),
  );
});
