import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backendOf, recordedLease, underlayOf, wantedText } from '#agent/backends/test-request.ts';

const BACKEND = backendOf('{"Network": "172.30.0.0/16", "Backend": {"Type": "Alloc"}}');

test('a lease without type and data, and nothing in the kernel', () => {
  const own = recordedLease('172.30.87.0-24', '{"PublicIP":"10.77.0.11","PublicIPv6":null}');
  const leases = [recordedLease('172.30.46.0-24', '{"PublicIP":"10.77.0.12"}')];
  const underlay = underlayOf('10.77.0.11');
  assert.deepEqual(wantedText(BACKEND, { underlay, own, leases }), { commands: [], refused: [] });
  assert.deepEqual([BACKEND.leaseType, BACKEND.leaseData({ macs: {} }), BACKEND.mtu(underlay)], ['', {}, 1500]);
});
