/** Forwarding and what else the fabric needs of the kernel's settings, seen from the whole agent. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MemoryHost } from '#agent/kernel/memory-kernel.ts';
import type { CoreSettings } from '#agent/reconcile/state.ts';
import { NETWORK, TestFleet, TestHost } from './test-host.ts';

const OFF = { 'net/ipv4/ip_forward': '0', 'net/ipv6/conf/all/forwarding': '0', 'net/ipv6/conf/eth0/accept_ra': '1' };
const DUAL = { ...NETWORK, EnableIPv6: true, IPv6Network: 'fd10::/48', IPv6SubnetLen: 64 };

async function started(
  network: object,
  kernel: Partial<MemoryHost>,
  settings: Partial<CoreSettings> = {},
): Promise<{ fleet: TestFleet; host: TestHost }> {
  const fleet = new TestFleet();
  await fleet.configure(network);
  const host = new TestHost(fleet, 11, { sysctls: OFF, ...kernel });
  host.settings = settings;
  await host.start();
  await fleet.pass(500);
  assert.ok(host.ready, host.logged.join('\n'));
  return { fleet, host };
}

test('IPv6 forwarding is touched only where the network has IPv6', async () => {
  const { host } = await started(NETWORK, {});
  assert.equal(host.kernel.sysctl('net/ipv4/ip_forward'), '1');
  assert.equal(host.kernel.sysctl('net/ipv6/conf/all/forwarding'), '0');
  assert.deepEqual(host.said('msg="sysctl set"').length, 1);
  assert.deepEqual(host.said('drift'), []);
  const { host: dual } = await started(DUAL, {});
  assert.equal(dual.kernel.sysctl('net/ipv6/conf/all/forwarding'), '1');
  assert.equal(dual.kernel.sysctl('net/ipv6/conf/eth0/accept_ra'), '1');
});

test('where the default route comes from a router, accept_ra is set first, and the log says why', async () => {
  const { host } = await started(DUAL, { advertisedRoute: true });
  assert.equal(host.kernel.sysctl('net/ipv6/conf/eth0/accept_ra'), '2');
  assert.equal(host.said('name=net/ipv6/conf/eth0/accept_ra found=1 value=2 why="the default route').length, 1);
});

test('forwarding that was switched off is drift', async () => {
  const { fleet, host } = await started(NETWORK, {});
  host.kernel.disturb([{ type: 'sysctl-set', name: 'net/ipv4/ip_forward', value: '0', found: '1' }]);
  await fleet.pass(500);
  assert.equal(host.kernel.sysctl('net/ipv4/ip_forward'), '1');
  assert.match(host.said('drift repaired')[0] ?? '', /found="net\/ipv4\/ip_forward is 0" .*by=unknown/);
});

test('with -manage-sysctls=false forwarding is left alone', async () => {
  const { host } = await started(NETWORK, {}, { manageSysctls: false });
  assert.equal(host.kernel.sysctl('net/ipv4/ip_forward'), '0');
});

test('a sysctl that cannot be written is said once with the remedy, the fabric stands, and a reload tries again', async () => {
  const { fleet, host } = await started(NETWORK, { readOnlySysctls: true });
  await fleet.putLease(
    '172.30.9.0-24',
    '{"PublicIP":"10.77.0.99","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"8a:1b:af:8c:b2:78"}}',
  );
  await fleet.pass(5000);
  const lines = host.said('net/ipv4/ip_forward is 0 and stays so');
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? '', /kernel\.sysctl.*remedy=.*-manage-sysctls=false/);
  assert.equal(host.fabric.filter((line) => line.startsWith('route')).length, 1);
  await fleet.pass(120_000);
  await host.reload();
  await fleet.pass(500);
  assert.equal(host.said('net/ipv4/ip_forward is 0 and stays so').length, 2);
});
