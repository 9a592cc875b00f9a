import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OWN } from '#agent/kernel/kernel-under-test.ts';

import { ipOf } from '#agent/leases/lease-builders.ts';
import { Fault } from '#runtime/fault.ts';
import { NETWORK, RECORD, readyFleet, readyHost, routes, TestFleet, TestHost } from './test-host.ts';

const HOUR_MS = 3_600_000;

test('three hosts lease distinct subnets, and each has one route, neighbour and FDB entry per peer', async () => {
  const { fleet, hosts } = await readyFleet(3);
  assert.equal(new Set(hosts.map((host) => host.subnet)).size, 3);
  assert.equal((await fleet.leases()).size, 3);
  for (const host of hosts) {
    assert.equal(host.fabric.length, 2 + 2 * 3, host.fabric.join('\n'));
    assert.match(
      host.subnetFile ?? '',
      /^FLANNEL_NETWORK=172\.30\.0\.0\/16\nFLANNEL_SUBNET=172\.30\.\d+\.1\/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=false\n$/,
    );
  }
});

test("a lease's record is byte for byte what flannel writes", async () => {
  const { fleet, host } = await readyHost();
  const [[name, value] = []] = [...(await fleet.leases())];
  assert.equal(name, host.subnet.replace('.1/', '.0-'));
  assert.match(
    value ?? '',
    /^\{"PublicIP":"10\.77\.0\.11","PublicIPv6":null,"BackendType":"vxlan","BackendData":\{"VNI":1,"VtepMAC":"([\da-f]{2}:){5}[\da-f]{2}"\}\}$/,
  );
});

test('READY comes after the peers that are known are programmed', async () => {
  const fleet = new TestFleet();
  await fleet.configure(NETWORK);
  await fleet.putLease('172.30.9.0-24', RECORD);
  const host = new TestHost(fleet, 11);
  await host.start();
  assert.ok(host.ready);
  assert.equal(routes(host), 1);
  const programmed = host.logged.findLastIndex((line) => line.includes('kernel programmed'));
  assert.ok(programmed < host.logged.findIndex((line) => line.includes('msg=ready')));
});

test('READY waits for the peers even when a look at the kernel takes its time', async () => {
  const fleet = new TestFleet();
  await fleet.configure(NETWORK);
  await fleet.putLease('172.30.9.0-24', RECORD);
  const host = new TestHost(fleet, 11);
  host.lookMs = 50;
  await host.start();
  assert.equal(host.ready, false);
  assert.equal(host.subnet, 'none');
  await fleet.pass(1000);
  assert.ok(host.ready);
  assert.equal(routes(host), 1);
});

test('a kernel that fails once is asked again, at the start and on an event', async () => {
  const fleet = new TestFleet();
  await fleet.configure(NETWORK);
  const host = new TestHost(fleet, 11);
  const fault = (): Fault => new Fault('kernel.netlink', { what: 'the kernel did not answer' });
  host.nextFault = fault();
  await host.start();
  await fleet.pass(1000);
  assert.ok(host.ready);
  host.nextFault = fault();
  host.kernel.disturb([{ type: 'device-delete', name: 'flannel.1', why: 'test' }]);
  await fleet.putLease('172.30.9.0-24', RECORD);
  await fleet.pass(1000);
  assert.equal(routes(host), 1);
  assert.ok(host.said('the fabric cannot be programmed').length >= 1);
});

test('the own key with a value that nobody can read is written anew', async () => {
  const { fleet, host } = await readyHost();
  const [[name, value] = ['', '']] = [...(await fleet.leases())];
  await fleet.putLease(name, '{"PublicIP":');
  await fleet.pass(1000);
  assert.deepEqual([...(await fleet.leases())], [[name, value]]);
  await host.stop();
  await fleet.putLease(name, 'nonsense');
  await host.start();
  await fleet.pass(1000);
  assert.deepEqual([...(await fleet.leases())], [[name, value]]);
});

test("a subnet that contains one of the host's addresses is refused, also an address that came later", async () => {
  const fleet = new TestFleet();
  await fleet.configure({ Network: '10.0.0.0/8', SubnetLen: 24, SubnetMin: '10.200.0.0', Backend: { Type: 'vxlan' } });
  const host = new TestHost(fleet, 11);
  await host.start();
  await fleet.putLease('10.77.0.0-24', RECORD.replace('10.77.0.99', '192.0.2.9'));
  await fleet.pass(500);
  assert.match(host.said('lease not used')[0] ?? '', /the subnet contains our own address 10\.77\.0\.11/);
  await fleet.putLease('10.99.1.0-24', RECORD.replace('10.77.0.99', '192.0.2.8').replace('8a:1b', '8a:3b'));
  await fleet.pass(500);
  assert.equal(routes(host), 1);
  host.kernel.setAddresses([
    ...host.kernel.host().addresses.filter(({ linkIndex }) => linkIndex === 2),
    {
      linkIndex: 2,
      address: ipOf('10.99.1.1'),
      length: 24,
      scope: 0,
      permanent: true,
      deprecated: false,
      temporary: false,
    },
  ]);
  await fleet.pass(500);
  assert.equal(routes(host), 0);
});

test('a hostile record makes one short line in the log, however often it is written', async () => {
  const { fleet, host } = await readyHost();
  const name = `${'x'.repeat(50_000)}`;
  await fleet.putLease(name, RECORD);
  await fleet.putLease(name, RECORD);
  const lines = host.said('record ignored');
  assert.equal(lines.length, 1);
  assert.ok((lines[0]?.length ?? 0) < 1500);
});

test('a restart keeps subnet, MAC and kernel state, and writes nothing to the kernel', async () => {
  const { fleet, hosts } = await readyFleet(2);
  const [host] = hosts;
  assert.ok(host !== undefined);
  const before = { subnet: host.subnet, fabric: host.fabric, written: host.kernel.written };
  await host.stop();
  assert.deepEqual(host.fabric, before.fabric);
  await host.start();
  await fleet.pass(1000);
  assert.deepEqual({ subnet: host.subnet, fabric: host.fabric, written: host.kernel.written }, before);
  assert.equal((await fleet.leases()).size, 2);
});

test('with its lease gone meanwhile, a restarted host claims the subnet in its file again', async () => {
  const { fleet, host } = await readyHost();
  const { subnet } = host;
  await host.stop();
  await fleet.deleteLease(subnet.replace('.1/', '.0-'));
  await host.start();
  assert.equal(host.subnet, subnet);
});

test('after a reboot the MAC of the own record is used again', async () => {
  const { fleet, host } = await readyHost();
  const [record] = [...(await fleet.leases()).values()];
  await host.stop();
  const rebooted = new TestHost(fleet, 11);
  await rebooted.start();
  assert.deepEqual([...(await fleet.leases()).values()], [record]);
});

test('a peer that vanished while the agent was down is removed at its start', async () => {
  const { fleet, hosts } = await readyFleet(3);
  const [host, , other] = hosts;
  assert.ok(host !== undefined && other !== undefined);
  await host.stop();
  await other.stop();
  await fleet.deleteLease(other.subnet.replace('.1/', '.0-'));
  await host.start();
  assert.equal(routes(host), 1);
});

test('a host waits for the network configuration and says that it is missing', async () => {
  const fleet = new TestFleet();
  const host = new TestHost(fleet, 11);
  await host.start();
  assert.match(host.said('network.missing')[0] ?? '', /remedy="write one: weft network set FILE"/);
  await fleet.configure(NETWORK);
  await fleet.pass(2000);
  assert.ok(host.ready);
});

test('a configuration that is not valid is explained field by field, and read again', async () => {
  const fleet = new TestFleet();
  await fleet.configure({ Network: '172.30.0.0/16', SubnetLen: 31, Backend: { Type: 'vxlan' } });
  const host = new TestHost(fleet, 11);
  await host.start();
  assert.match(host.said('network.invalid')[0] ?? '', /SubnetLen.*31/);
  await fleet.configure(NETWORK);
  await fleet.pass(2000);
  assert.ok(host.ready);
});

test('a preshared key in the network document is not in the log', async () => {
  const fleet = new TestFleet();
  await fleet.configure({ Network: '172.30.0.0/16', Backend: { Type: 'vxlan', PSK: 'hunter2' } });
  const host = new TestHost(fleet, 11);
  await host.start();
  assert.match(host.said('network configuration read')[0] ?? '', /172\.30\.0\.0\/16.*PSK.*\*\*\*/);
  assert.deepEqual(host.said('hunter2'), []);
});

test('an unknown backend type is refused by name, with those there are', async () => {
  const fleet = new TestFleet();
  await fleet.configure({ Network: '172.30.0.0/16', Backend: { Type: 'ipsec' } });
  const host = new TestHost(fleet, 11);
  await host.start();
  assert.match(host.said('network.invalid')[0] ?? '', /Backend\.Type.*ipsec.*use vxlan/);
});

test('a host starts with etcd down and is ready soon after it comes', async () => {
  const fleet = new TestFleet();
  await fleet.configure(NETWORK);
  fleet.etcd.stop();
  const host = new TestHost(fleet, 11);
  await host.start();
  assert.ok(host.said('waiting for the network configuration').length > 0);
  fleet.etcd.start();
  await fleet.pass(5000);
  assert.ok(host.ready);
});

test('etcd going away withdraws nothing, and what changed meanwhile is taken in afterwards', async () => {
  const { fleet, hosts } = await readyFleet(2);
  const [host] = hosts;
  assert.ok(host !== undefined);
  const { fabric } = host;
  fleet.etcd.stop();
  await fleet.pass(HOUR_MS);
  assert.deepEqual(host.fabric, fabric);
  fleet.etcd.start();
  await fleet.putLease('172.30.9.0-24', RECORD);
  await fleet.pass(10_000);
  assert.equal(routes(host), 2);
});

test('a peer that leaves is withdrawn at once without a grace, and one that changes its MAC is replaced', async () => {
  const { fleet, host } = await readyHost();
  await host.stop();
  host.settings = { withdraw: { graceMs: 0, limitPercent: 100, holdMs: 0 } };
  await host.start();
  await fleet.putLease('172.30.9.0-24', RECORD);
  await fleet.pass(500);
  assert.ok(host.fabric.includes('fdb 8a:1b:af:8c:b2:78 dst 10.77.0.99 self permanent'));
  await fleet.putLease('172.30.9.0-24', RECORD.replace('8a:1b', '8a:2b'));
  await fleet.pass(500);
  assert.ok(host.fabric.includes('fdb 8a:2b:af:8c:b2:78 dst 10.77.0.99 self permanent'));
  assert.equal(host.fabric.filter((line) => line.startsWith('fdb')).length, 1);
  await fleet.deleteLease('172.30.9.0-24');
  await fleet.pass(500);
  assert.equal(routes(host), 0);
});

test("a peer's renewal writes nothing to the kernel and is no news", async () => {
  const { fleet, host } = await readyHost();
  await fleet.putLease('172.30.9.0-24', RECORD);
  await fleet.pass(500);
  const { written } = host.kernel;
  const lines = host.logged.length;
  await fleet.putLease('172.30.9.0-24', RECORD);
  await fleet.pass(500);
  assert.equal(host.kernel.written, written);
  assert.equal(host.logged.length, lines);
});

test('the lease is renewed before its margin, for ever', async () => {
  const { fleet, host } = await readyHost();
  for (let day = 0; day < 5; day += 1) for (let hour = 0; hour < 24; hour += 1) await fleet.pass(HOUR_MS);
  assert.equal((await fleet.leases()).size, 1);
  assert.ok(host.said('lease renewed').length >= 5);
  assert.equal(host.said('lease lost').length, 0);
});

test('the own lease deleted by hand is claimed again at once, and the kernel is not touched', async () => {
  const { fleet, host } = await readyHost();
  const name = host.subnet.replace('.1/', '.0-');
  const { written } = host.kernel;
  await fleet.deleteLease(name);
  await fleet.pass(100);
  assert.deepEqual([...(await fleet.leases()).keys()], [name]);
  assert.equal(host.kernel.written, written);
  assert.equal(host.said('own lease lost; claiming it again').length, 1);
});

test('however often the own lease is deleted, it is back before the peers give the host up', async () => {
  const { fleet, host } = await readyHost();
  const name = host.subnet.replace('.1/', '.0-');
  for (let deletion = 1; deletion <= 12; deletion += 1) {
    await fleet.deleteLease(name);
    for (let step = 0; step < 15; step += 1) await fleet.pass(100);
    assert.deepEqual([...(await fleet.leases()).keys()], [name], `after ${deletion} deletions`);
  }
});

test('the own subnet taken by another host is reported, not fought over, and forwarding goes on', async () => {
  const { fleet, hosts } = await readyFleet(2);
  const [host] = hosts;
  assert.ok(host !== undefined);
  const { fabric } = host;
  await fleet.putLease(host.subnet.replace('.1/', '.0-'), RECORD);
  await fleet.pass(1000);
  assert.match(host.said('lease.contested')[0] ?? '', /is leased to 10\.77\.0\.99 now/);
  assert.deepEqual(host.fabric, fabric);
  assert.equal((await fleet.leases()).get(host.subnet.replace('.1/', '.0-')), RECORD);
});

test('two agents for one address do not race each other', async () => {
  const { fleet, host } = await readyHost();
  const twin = new TestHost(fleet, 11);
  await twin.start();
  const before = fleet.etcd.keyspace.revision;
  for (let second = 0; second < 600; second += 1) await fleet.pass(1000);
  const writes = fleet.etcd.keyspace.revision - before;
  assert.ok(writes <= 40, `${writes} writes in ten minutes`);
  assert.ok(host.said('own lease').length + twin.said('own lease').length > 0);
});

test('a cloned host with another MAC does not make the two race each other', async () => {
  const { fleet, host } = await readyHost();
  const value = [...(await fleet.leases()).values()][0] ?? '';
  const before = fleet.etcd.keyspace.revision;
  const clone = value.replace(/VtepMAC":"../, 'VtepMAC":"9a');
  for (let second = 0; second < 600; second += 1) {
    if ([...(await fleet.leases()).values()][0] !== clone)
      await fleet.putLease(host.subnet.replace('.1/', '.0-'), clone);
    await fleet.pass(1000);
  }
  assert.ok(fleet.etcd.keyspace.revision - before <= 80);
});

test('a lease made a reservation by the operator stays one and is not renewed', async () => {
  const { fleet, host } = await readyHost();
  const [[name, value] = ['', '']] = [...(await fleet.leases())];
  await fleet.putLease(name, value);
  for (let hour = 0; hour < 72; hour += 1) await fleet.pass(HOUR_MS);
  assert.deepEqual([...(await fleet.leases())], [[name, value]]);
  assert.ok(host.ready);
});

for (const [what, name, value, reason] of [
  ['a record that is not JSON', '172.30.9.0-24', '{', /record ignored/],
  ['a key that is no subnet', 'nonsense', RECORD, /record ignored/],
  ['a subnet outside the network', '10.9.9.0-24', RECORD, /outside the Network/],
  ['a subnet with the own address in it', '10.77.0.0-16', RECORD, /outside the Network/],
  ['a MAC that is multicast', '172.30.9.0-24', RECORD.replace('8a:1b', '01:00'), /VtepMAC/],
  ['another backend type', '172.30.9.0-24', RECORD.replace('"vxlan"', '"host-gw"'), /backend type/],
  ['a loopback address', '172.30.9.0-24', RECORD.replace('10.77.0.99', '127.0.0.1'), /loopback/],
] as const) {
  test(`${what} is reported with the reason and harms nobody else`, async () => {
    const { fleet, hosts } = await readyFleet(2);
    const [host] = hosts;
    assert.ok(host !== undefined);
    const { fabric } = host;
    await fleet.putLease(name, value);
    await fleet.pass(500);
    assert.deepEqual(host.fabric, fabric);
    assert.ok(
      host.logged.some((line) => reason.test(line)),
      host.logged.join('\n'),
    );
    await fleet.putLease('172.30.10.0-24', RECORD.replace('10.77.0.99', '10.77.0.98').replace('8a:1b', '8a:9b'));
    await fleet.pass(500);
    assert.equal(routes(host), 2);
  });
}

test('of two leases with one MAC the older is kept', async () => {
  const { fleet, host } = await readyHost();
  await fleet.putLease('172.30.9.0-24', RECORD);
  await fleet.putLease('172.30.8.0-24', RECORD.replace('10.77.0.99', '10.77.0.98'));
  await fleet.pass(500);
  assert.deepEqual(
    host.fabric.filter((line) => line.startsWith('fdb')),
    ['fdb 8a:1b:af:8c:b2:78 dst 10.77.0.99 self permanent'],
  );
  assert.equal(host.said("already an older lease's").length, 1);
});

test('what another program breaks is repaired, and it is written down', async () => {
  const { fleet, hosts } = await readyFleet(3);
  const [host] = hosts;
  assert.ok(host !== undefined);
  const { fabric } = host;
  const observed = host.kernel.observe(OWN);
  const [route] = observed.routes;
  assert.ok(route !== undefined);
  host.kernel.disturb([{ type: 'route-delete', entry: route }]);
  await fleet.pass(500);
  assert.deepEqual(host.fabric, fabric);
  host.kernel.disturb([{ type: 'device-delete', name: 'flannel.1', why: 'test' }]);
  await fleet.pass(500);
  assert.deepEqual(host.fabric, fabric);
});

test('a device of our name but another kind is left alone and named in the fault', async () => {
  const fleet = new TestFleet();
  await fleet.configure(NETWORK);
  const host = new TestHost(fleet, 11);
  host.kernel.setLink({ index: 7, name: 'flannel.1', kind: 'bridge', mtu: 1500, mac: '02:00:00:00:00:77', up: true });
  await host.start();
  assert.match(host.said('kernel.device-busy')[0] ?? '', /named flannel\.1 is there already, of kind bridge/);
  assert.ok(!host.ready);
});

test('a full network is said with its figures, and the host is ready once a subnet is free', async () => {
  const small = { Network: '172.30.0.0/22', SubnetLen: 24, Backend: { Type: 'vxlan' } };
  const { fleet, hosts } = await readyFleet(3, small);
  const late = new TestHost(fleet, 40);
  await late.start();
  assert.match(late.said('lease.network-full')[0] ?? '', /172\.30\.0\.0\/22.*3 of them are leased/);
  const [first] = hosts;
  assert.ok(first !== undefined);
  await first.stop();
  await fleet.deleteLease(first.subnet.replace('.1/', '.0-'));
  await fleet.pass(20_000);
  assert.ok(late.ready);
  assert.equal(late.subnet, first.subnet);
});

test('a thousand leases at the start are programmed before READY, through nexthop objects', async () => {
  const fleet = new TestFleet();
  await fleet.configure({ Network: '10.0.0.0/8', SubnetLen: 24, Backend: { Type: 'vxlan' } });
  for (let index = 0; index < 1000; index += 1) {
    const mac = `8a:00:00:00:${(index >> 8).toString(16).padStart(2, '0')}:${(index & 255).toString(16).padStart(2, '0')}`;
    const value = RECORD.replace('10.77.0.99', `192.0.${2 + (index >> 8)}.${index & 255}`).replace(
      '8a:1b:af:8c:b2:78',
      mac,
    );
    await fleet.operator.put({ key: `/kubernetes/network/subnets/10.${1 + (index >> 8)}.${index & 255}.0-24`, value });
  }
  const host = new TestHost(fleet, 11);
  await host.start();
  assert.ok(host.ready);
  assert.equal(host.fabric.filter((line) => line.startsWith('route') && line.includes('nhid')).length, 1000);
});

test('the service manager hears of lease, peers and what is wrong', async () => {
  const { fleet, hosts } = await readyFleet(2);
  const [host] = hosts;
  assert.ok(host !== undefined);
  await fleet.pass(5000);
  const subnet = host.subnet.replace('.1/', '.0/');
  assert.ok(host.notified.at(-1)?.endsWith(`STATUS=${subnet} leased, 1 peer`));
  fleet.etcd.stop();
  await fleet.pass(5000);
  assert.match(host.notified.at(-1) ?? '', /leased, 1 peer; store not reached since 1970-/);
  fleet.etcd.start();
  await fleet.pass(5000);
  assert.equal(host.notified.at(-1), `STATUS=${subnet} leased, 1 peer`);
});

test('a reload looks at everything again and says that another document waits for a restart', async () => {
  const { fleet, host } = await readyHost();
  const looks = host.kernel.looks;
  await fleet.configure({ ...NETWORK, SubnetLen: 25 });
  await host.reload();
  assert.equal(host.said('network document changed').length, 1);
  assert.ok(host.kernel.looks >= looks);
  assert.ok(host.ready);
});
