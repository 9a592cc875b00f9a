/** What an agent on a fake host tells about itself, from its start to its troubles. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NETWORK, RECORD, readyFleet, readyHost, TestFleet, TestHost } from '#agent/test-host.ts';
import { Fault } from '#runtime/fault.ts';

const HOUR_MS = 3_600_000;

test('a host that is ready reports network, lease, interface, device, store, firewall and no trouble', async () => {
  const { fleet, host } = await readyHost();
  const report = host.report();
  assert.equal(report.ready, true);
  assert.deepEqual(report.network, {
    backend: 'vxlan',
    cidrs: ['172.30.0.0/16'],
    document: JSON.stringify(NETWORK),
  });
  assert.deepEqual(report.lease?.subnets, [host.subnet.replace('.1/', '.0/')]);
  assert.equal(report.lease.reservation, false);
  const { heldSince = '', renewedAt = '', renewsAt = '', expiresAt = '' } = report.lease;
  assert.equal(renewedAt, heldSince);
  assert.equal(Date.parse(expiresAt) - Date.parse(renewedAt), 24 * HOUR_MS);
  // 23 hours less half of the tenth over which renewals are spread.
  assert.equal(Date.parse(renewsAt) - Date.parse(renewedAt), 23 * HOUR_MS * 0.95);
  assert.deepEqual(report.underlay, {
    interface: 'eth0',
    mtu: 1500,
    podMtu: 1450,
    addresses: [{ address: '10.77.0.11', publicIp: '10.77.0.11' }],
  });
  const [mac] = /([\da-f]{2}:){5}[\da-f]{2}/.exec([...(await fleet.leases()).values()].join()) ?? [];
  assert.deepEqual(report.devices, [{ name: 'flannel.1', mac }]);
  assert.deepEqual(report.store, { connected: true });
  assert.deepEqual(report.peers, { count: 0, list: [], refusedCount: 0, refusedWarnings: 0, refused: [] });
  assert.deepEqual(report.firewall, { mode: 'iptables', masquerade: false, forward: true, settled: true });
  assert.deepEqual(report.troubles, []);
  const { passes, operations, firewallRuns, passesFailed } = report.counters;
  assert(passes > 0 && firewallRuns > 0);
  assert.equal(passesFailed, 0);
  assert.equal(operations['device-add'], 1);
});

test('a preshared key in the network document is not in the report', async () => {
  const { hosts } = await readyFleet(1, { ...NETWORK, Backend: { Type: 'vxlan', PSK: 'hunter2' } });
  const report = JSON.stringify(hosts[0]?.report());
  assert.match(report, /PSK[^,]*\*\*\*/);
  assert.doesNotMatch(report, /hunter2/);
});

test('peers are listed by subnet with address, MAC and since when they are known; on demand', async () => {
  const { fleet, hosts } = await readyFleet(3);
  const host = hosts[0] ?? assert.fail();
  const before = host.report().peers.list ?? assert.fail();
  assert.equal(before.length, 2);
  for (const peer of before) assert.match(peer.mac ?? '', /^([\da-f]{2}:){5}[\da-f]{2}$/);
  await fleet.pass(60_000);
  await fleet.putLease('172.30.9.0-24', RECORD);
  const peers = host.report().peers;
  assert.equal(peers.count, 3);
  const added = peers.list?.find(({ subnets }) => subnets[0] === '172.30.9.0/24');
  assert.equal(added?.publicIp, '10.77.0.99');
  assert(Date.parse(added.since ?? '') - Date.parse(before[0]?.since ?? '') >= 60_000);
  const numbers = (peers.list ?? []).map(({ subnets }) => Number(subnets[0]?.split('.')[2]));
  assert.deepEqual(
    numbers,
    numbers.toSorted((a, b) => a - b),
  );
});

test('a renewal changes nothing of since when a peer is known, other data does', async () => {
  const { fleet, host } = await readyHost();
  const since = (): string | undefined => host.report().peers.list?.[0]?.since;
  await fleet.putLease('172.30.9.0-24', RECORD);
  const first = since();
  await fleet.pass(10_000);
  await fleet.putLease('172.30.9.0-24', RECORD);
  assert.equal(since(), first);
  await fleet.putLease('172.30.9.0-24', RECORD.replace('8a:1b', '8a:1c'));
  assert.notEqual(since(), first);
  await fleet.deleteLease('172.30.9.0-24');
  // The grace for a key that its owner may claim again.
  await fleet.pass(4_000);
  assert.deepEqual(host.report().peers.list, []);
});

test('refused leases are counted with the reason: those to be expected apart from those to look at', async () => {
  const { fleet, host } = await readyHost();
  await fleet.putLease('172.30.9.0-24', RECORD.replace('"vxlan"', '"host-gw"'));
  await fleet.putLease('172.30.10.0-24', RECORD.replace('10.77.0.99', '10.77.0.11'));
  // Passes admission; the backend cannot use it.
  await fleet.putLease('172.30.11.0-24', RECORD.replace('.99', '.98').replace('8a:1b:af:8c:b2:78', 'no MAC'));
  await fleet.pass(1000);
  const { peers } = host.report();
  assert.deepEqual([peers.refusedCount, peers.refusedWarnings], [3, 2]);
  const reasons = new Map(peers.refused.map((each) => [each.subnets[0], `${each.severity}: ${each.reason}`]));
  assert.match(reasons.get('172.30.9.0/24') ?? '', /^info: its backend type is "host-gw"/);
  assert.match(reasons.get('172.30.10.0/24') ?? '', /^warning: its PublicIP 10\.77\.0\.11 is ours/);
  assert.match(reasons.get('172.30.11.0/24') ?? '', /^warning: .*VtepMAC/);
  assert.equal(peers.list?.[0]?.mac, undefined);
});

test('before there is a network the trouble says so, and the store counts as connected since it answered', async () => {
  const fleet = new TestFleet();
  const host = new TestHost(fleet, 11);
  await host.start();
  await fleet.pass(5000);
  const report = host.report();
  assert.equal(report.ready, false);
  assert.equal(report.network, undefined);
  assert.equal(report.lease, undefined);
  assert.deepEqual(report.store, { connected: true });
  const [trouble, ...others] = report.troubles;
  assert.deepEqual(others, []);
  assert.equal(trouble?.code, 'network.missing');
  assert.match(trouble.remedy, /weft network set/);
  assert(trouble.failures > 1);
  await fleet.configure(NETWORK);
  await fleet.pass(5000);
  assert.deepEqual(host.report().troubles, []);
  assert.equal(host.report().ready, true);
});

test('a store that was never reached is not connected since the first failure', async () => {
  const fleet = new TestFleet();
  fleet.etcd.stop();
  const host = new TestHost(fleet, 11);
  await host.start();
  const first = host.report();
  await fleet.pass(30_000);
  const { store, troubles } = host.report();
  assert.equal(store.connected, false);
  assert.equal(store.lostAt, first.store.lostAt);
  assert.equal(store.why, troubles[0]?.what);
});

test('while the store is away the trouble names when and why, and is over when it is back', async () => {
  const { fleet, host } = await readyHost();
  await fleet.pass(10_000);
  fleet.etcd.stop();
  await fleet.settle();
  const lostAt = new Date(fleet.clock.now()).toISOString();
  await fleet.pass(10_000);
  const away = host.report();
  assert.equal(away.ready, true);
  assert.equal(away.store.connected, false);
  assert.equal(away.store.lostAt, lostAt);
  assert.match(away.troubles[0]?.what ?? '', /^the store is away: /);
  assert.equal(away.troubles[0]?.since, lostAt);
  assert.equal(away.counters.storeInterruptions, 1);
  fleet.etcd.start();
  await fleet.pass(10_000);
  assert.deepEqual(host.report().troubles, []);
  assert.deepEqual(host.report().store, { connected: true });
});

test('a renewal that fails is a trouble until one succeeds, and both are counted', async () => {
  const { fleet, host } = await readyHost();
  fleet.etcd.stop();
  await fleet.pass(23 * HOUR_MS);
  const away = host.report();
  assert.equal(away.troubles.length, 2);
  assert(away.counters.renewalsFailed > 0);
  assert.equal(away.counters.renewals, 0);
  fleet.etcd.start();
  await fleet.pass(120_000);
  const back = host.report();
  assert.deepEqual(back.troubles, []);
  assert.equal(back.counters.renewals, 1);
  assert(Date.parse(back.lease?.renewedAt ?? '') > Date.parse(back.lease?.heldSince ?? ''));
});

test('a reservation has no end, and what somebody else wrote no time of ours', async () => {
  const { fleet, host } = await readyHost();
  const [[name, value] = assert.fail()] = [...(await fleet.leases())];
  await fleet.putLease(name, value);
  const { lease } = host.report();
  assert.equal(lease?.reservation, true);
  for (const member of ['renewedAt', 'renewsAt', 'expiresAt']) assert.equal(member in lease, false, member);
  assert.notEqual(lease.heldSince, undefined);
});

test('a kernel that does not answer is a trouble with its failures, counted as failed passes', async () => {
  const { fleet, host } = await readyHost();
  host.nextFault = new Fault('kernel.netlink', { what: 'the kernel is tired', where: 'flannel.1' });
  await host.reload();
  const { troubles, counters } = host.report();
  assert.equal(troubles[0]?.what, 'the kernel is tired (flannel.1)');
  assert.equal(counters.passesFailed, 1);
  await fleet.pass(1000);
  assert.deepEqual(host.report().troubles, []);
});

test('a kind of device that the kernel lacks is a trouble with a remedy', async () => {
  const fleet = new TestFleet();
  await fleet.configure(NETWORK);
  const host = new TestHost(fleet, 11, { lacks: ['vxlan'] });
  await host.start();
  await fleet.pass(1000);
  const { ready, troubles, counters } = host.report();
  assert.equal(ready, false);
  assert.match(troubles[0]?.what ?? '', /has no devices of kind vxlan/);
  assert(counters.operationsRefused > 0 && counters.passesFailed > 0);
});

test('a single operation that the kernel refuses is a trouble until it is taken', async () => {
  const { fleet, host } = await readyHost();
  const { kernel } = host;
  const apply = kernel.apply.bind(kernel);
  kernel.apply = (operations) => {
    const fault = new Fault('kernel.netlink', { what: 'no such process' });
    const failed = [...operations].map((operation) => ({ operation, fault }));
    return { applied: 0, failed };
  };
  await fleet.putLease('172.30.9.0-24', RECORD);
  const { troubles, counters } = host.report();
  assert.equal(troubles[0]?.what, 'no such process');
  assert(counters.operationsRefused > 0);
  kernel.apply = apply;
  await fleet.pass(20_000);
  assert.deepEqual(host.report().troubles, []);
});

test('a dual-stack host reports both subnets, addresses and devices, IPv4 first', async () => {
  const { hosts } = await readyFleet(2, { ...NETWORK, EnableIPv6: true, IPv6Network: 'fd00:30::/48' });
  const report = hosts[0]?.report() ?? assert.fail();
  assert.deepEqual(report.network?.cidrs, ['172.30.0.0/16', 'fd00:30::/48']);
  assert.match(report.lease?.subnets.join() ?? '', /^172\.30\.\d+\.0\/24,fd00:30:.*\/64$/);
  assert.deepEqual(
    report.underlay?.addresses.map(({ address }) => address),
    ['10.77.0.11', 'fd00:77::11'],
  );
  assert.deepEqual(
    report.devices.map(({ name }) => name),
    ['flannel.1', 'flannel-v6.1'],
  );
  assert.equal(new Set(report.devices.map(({ mac }) => mac)).size, 2);
  assert.equal(report.peers.list?.[0]?.subnets.length, 2);
});

test('the order of peers of IPv6 alone is that of their subnets', async () => {
  const network = { EnableIPv4: false, EnableIPv6: true, IPv6Network: 'fd00:30::/48', Backend: { Type: 'vxlan' } };
  const { hosts } = await readyFleet(4, network);
  const subnets = hosts[0]?.report().peers.list?.map((peer) => peer.subnets[0] ?? '') ?? [];
  assert.equal(subnets.length, 3);
  const groups = subnets.map((subnet) => Number.parseInt(subnet.split(':')[2] ?? '', 16));
  assert.deepEqual(
    groups,
    groups.toSorted((a, b) => a - b),
  );
});
