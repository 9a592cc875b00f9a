import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json } from '#model/lease.ts';
import { parseVxlanOptions } from './options.ts';

function parse(options: Record<string, Json>): ReturnType<typeof parseVxlanOptions> {
  return parseVxlanOptions({ type: 'vxlan', options: { Type: 'vxlan', ...options } });
}

test("the defaults are flannel's: VNI 1, the kernel's port, no learning", () => {
  const options = { vni: 1, port: 8472, mtu: undefined, gbp: false, learning: false, directRouting: false };
  assert.deepEqual(parse({}), { options });
  assert.deepEqual(parse({ Port: 0, MTU: 0 }), { options });
});

test('keys match whatever their case', () => {
  const options = { vni: 7, port: 4789, mtu: 9000, gbp: true, learning: true, directRouting: true };
  assert.deepEqual(parse({ vni: 7, PORT: 4789, mtu: 9000, Gbp: true, LEARNING: true, directrouting: true }), {
    options,
  });
});

test('everything that is wrong is said at once, with field, value and reason', () => {
  const result = parse({ VNI: 16_777_216, Port: '8472', MTU: 100, GBP: 1, DirectRouting: 'yes' });
  assert.deepEqual('problems' in result && result.problems.map(({ field, value }) => `${field} ${value}`), [
    'Backend.VNI 16777216',
    'Backend.Port "8472"',
    'Backend.MTU 100',
    'Backend.GBP 1',
    'Backend.DirectRouting "yes"',
  ]);
});
