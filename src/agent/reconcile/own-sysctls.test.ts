import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Observed } from '#agent/kernel/state.ts';
import { ownSysctls, sysctlOperations } from './own-sysctls.ts';

const VXLAN = { devices: ['flannel.1'], underlayRoutes: 'ours' } as const;

function plan(values: Readonly<Record<string, string>>, more: Partial<Observed> = {}, givenUp: readonly string[] = []) {
  const sysctls = Object.entries(values).map(([name, value]) => ({ name, value }));
  return sysctlOperations({ sysctls, ...more }, 'eth0', new Set(givenUp)).map(
    ({ name, found, value }) => `${name}: ${found} → ${value}`,
  );
}

test('forwarding in the families of the network, and devices that do not listen to routers', () => {
  assert.deepEqual(ownSysctls(VXLAN, 'eth0', ['ipv4']), [
    'net/ipv4/ip_forward',
    'net/ipv4/conf/eth0/forwarding',
    'net/ipv4/conf/flannel.1/forwarding',
    'net/ipv6/conf/flannel.1/accept_ra',
  ]);
  const dual = ownSysctls({ ...VXLAN, devices: [] }, 'eth0', ['ipv4', 'ipv6']);
  assert.deepEqual(dual.slice(2), [
    'net/ipv6/conf/all/forwarding',
    'net/ipv6/conf/eth0/forwarding',
    'net/ipv6/conf/eth0/accept_ra',
  ]);
});

test('where the operator makes the routes, none is touched', () => {
  assert.deepEqual(ownSysctls({ ...VXLAN, underlayRoutes: 'operators' }, 'eth0', ['ipv4', 'ipv6']), []);
});

test('what is right is not written, and what was not looked at neither', () => {
  assert.deepEqual(plan({ 'net/ipv4/ip_forward': '1', 'net/ipv6/conf/flannel.1/accept_ra': '0' }), []);
  assert.deepEqual(sysctlOperations({}, 'eth0', new Set()), []);
});

test('switching forwarding on for all does it for each; off for one alone is switched on for that one', () => {
  const each = { 'net/ipv4/conf/eth0/forwarding': '0', 'net/ipv4/conf/flannel.1/forwarding': '0' };
  assert.deepEqual(plan({ 'net/ipv4/ip_forward': '0', ...each }), ['net/ipv4/ip_forward: 0 → 1']);
  assert.deepEqual(plan({ 'net/ipv4/ip_forward': '1', 'net/ipv4/conf/flannel.1/forwarding': '0' }), [
    'net/ipv4/conf/flannel.1/forwarding: 0 → 1',
  ]);
});

test("a router's default route is kept by accept_ra=2, set before forwarding; without such a route it stays", () => {
  const values = { 'net/ipv6/conf/all/forwarding': '0', 'net/ipv6/conf/eth0/accept_ra': '1' };
  assert.deepEqual(plan(values, { advertisedRoute: true }), [
    'net/ipv6/conf/eth0/accept_ra: 1 → 2',
    'net/ipv6/conf/all/forwarding: 0 → 1',
  ]);
  assert.deepEqual(plan(values), ['net/ipv6/conf/all/forwarding: 0 → 1']);
});

test('what the kernel did not let us set is given up', () => {
  assert.deepEqual(plan({ 'net/ipv4/ip_forward': '0' }, {}, ['net/ipv4/ip_forward']), []);
});
