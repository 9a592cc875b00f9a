/** A living peer is never withdrawn, whatever etcd says. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NETWORK, PREFIX, RECORD, readyFleet, routes, type TestFleet, type TestHost } from './test-host.ts';

const GRACE_MS = 3000;
const HOLD_MS = 3_600_000;

/** A peer that exists only as a record. */
function record(number: number): string {
  return RECORD.replace('10.77.0.99', `10.77.0.${100 + number}`).replace('b2:78', `b2:${10 + number}`);
}

async function putPeers(fleet: TestFleet, count: number): Promise<void> {
  for (let number = 0; number < count; number += 1) await fleet.putLease(`172.30.${number}.0-24`, record(number));
  await fleet.pass(500);
}

/** In a network whose records of peers are not handed out to the host. */
const ROOMY = { ...NETWORK, SubnetMin: '172.30.128.0' };

async function hostWithPeers(count: number): Promise<{ fleet: TestFleet; host: TestHost }> {
  const { fleet, hosts } = await readyFleet(1, ROOMY);
  const host = hosts[0] ?? assert.fail();
  await putPeers(fleet, count);
  assert.equal(routes(host), count);
  return { fleet, host };
}

function status(host: TestHost): string {
  return host.notified.at(-1) ?? '';
}

test('a key that vanishes and is back within the grace changes nothing, in the kernel and in the log', async () => {
  const { fleet, host } = await hostWithPeers(2);
  const { written } = host.kernel;
  const lines = host.logged.length;
  await fleet.deleteLease('172.30.1.0-24');
  await fleet.pass(GRACE_MS - 100);
  await fleet.putLease('172.30.1.0-24', record(1));
  await fleet.pass(60_000);
  assert.equal(host.kernel.written, written);
  const said = host.logged.slice(lines);
  assert.deepEqual(
    said.filter((line) => !line.includes('level=debug')),
    [],
  );
  assert.equal(said.length, 2);
});

test('a key that comes back with another MAC is a change, made in one pass', async () => {
  const { fleet, host } = await hostWithPeers(2);
  await fleet.deleteLease('172.30.1.0-24');
  await fleet.putLease('172.30.1.0-24', record(1).replace('8a:1b', '8a:3b'));
  await fleet.pass(500);
  assert.equal(routes(host), 2);
  assert.match(host.fabric.join('\n'), /fdb 8a:3b:af:8c:b2:11 dst 10\.77\.0\.101/);
  assert.equal(host.said('msg="peer changed"').length, 1);
});

test('a peer whose key stays away is withdrawn after the grace', async () => {
  const { fleet, host } = await hostWithPeers(2);
  await fleet.deleteLease('172.30.1.0-24');
  await fleet.pass(GRACE_MS - 1);
  assert.equal(routes(host), 2);
  await fleet.pass(1);
  assert.equal(routes(host), 1);
  assert.match(host.said('msg="peer removed"').join(), /subnet=172\.30\.1\.0-24 public_ip=10\.77\.0\.101/);
});

test('a peer whose subnet is leased to another host is replaced at once', async () => {
  const { fleet, host } = await hostWithPeers(2);
  await fleet.deleteLease('172.30.1.0-24');
  await fleet.putLease('172.30.1.0-24', record(7));
  await fleet.pass(100);
  assert.equal(routes(host), 2);
  assert.match(host.fabric.join('\n'), /dst 10\.77\.0\.107/);
});

test('a peer that has moved to another subnet loses the one before at once', async () => {
  const { fleet, host } = await hostWithPeers(2);
  await fleet.deleteLease('172.30.1.0-24');
  await fleet.putLease('172.30.50.0-24', record(1));
  await fleet.pass(100);
  const fabric = host.fabric.join('\n');
  assert.match(fabric, /172\.30\.50\.0/);
  assert.doesNotMatch(fabric, /172\.30\.1\.0/);
  assert.equal(host.said('msg="peer removed"').length, 1);
});

test('a lease that was refused because of one that vanished takes its place at once', async () => {
  const { fleet, host } = await hostWithPeers(1);
  await fleet.putLease('172.30.1.0-24', record(0).replace('10.77.0.100', '10.77.0.200'));
  await fleet.pass(100);
  assert.equal(host.said('lease not used').length, 1);
  await fleet.deleteLease('172.30.0.0-24');
  await fleet.pass(100);
  assert.match(host.fabric.join('\n'), /^route 172\.30\.1\.0\/24/m);
  assert.equal(routes(host), 1);
});

test('no peer is withdrawn while the store is away: no owner could claim its key again', async () => {
  const { fleet, host } = await hostWithPeers(2);
  await fleet.deleteLease('172.30.1.0-24');
  fleet.etcd.stop();
  await fleet.settle();
  await fleet.pass(HOLD_MS * 5);
  assert.equal(routes(host), 2);
  fleet.etcd.start();
  await fleet.settle();
  await fleet.pass(GRACE_MS - 100);
  assert.equal(routes(host), 2);
  await fleet.pass(200);
  assert.equal(routes(host), 1);
});

test('an emptied keyspace is no event for hosts that live: all claim their keys again, and no kernel is touched', async () => {
  const { fleet, hosts } = await readyFleet(6);
  const before = hosts.map((host) => [host.subnet, host.kernel.written, host.fabric]);
  const names = [...(await fleet.leases()).keys()].sort();
  // The network document and all else that is kept beside the leases, too.
  await fleet.operator.delete({ key: `${PREFIX}/`, rangeEnd: `${PREFIX}0` });
  await fleet.settle();
  assert.deepEqual([...(await fleet.leases()).keys()].sort(), names);
  await fleet.pass(60_000);
  assert.deepEqual(
    hosts.map((host) => [host.subnet, host.kernel.written, host.fabric]),
    before,
  );
  for (const host of hosts) assert.equal(host.said('held').length, 0);
});

test('peers that vanish in a mass are held, said once, and shown in the status', async () => {
  const { fleet, host } = await hostWithPeers(6);
  const { written } = host.kernel;
  for (const number of [0, 1, 2]) await fleet.deleteLease(`172.30.${number}.0-24`);
  await fleet.pass(GRACE_MS);
  await fleet.pass(5000);
  await fleet.deleteLease('172.30.3.0-24');
  await fleet.pass(60_000);
  assert.equal(routes(host), 6);
  assert.equal(host.kernel.written, written);
  const [said = '', ...more] = host.said('peers are not in etcd any more and held');
  assert.equal(host.report().peers.held?.count, 4);
  assert.match(said, /level=warn .*held=3 known=6 until=\S+ why=".*backup.*remedy=".*SIGHUP/);
  assert.deepEqual(more, []);
  assert.equal(host.said('more peers held').length, 1);
  assert.match(status(host), /6 peers; 4 peers held: not in etcd since 1970-/);
});

test('held peers become ordinary ones again when their keys are back', async () => {
  const { fleet, host } = await hostWithPeers(4);
  const { written } = host.kernel;
  for (const number of [0, 1, 2]) await fleet.deleteLease(`172.30.${number}.0-24`);
  await fleet.pass(60_000);
  for (const number of [0, 1, 2]) await fleet.putLease(`172.30.${number}.0-24`, record(number));
  await fleet.pass(HOLD_MS * 2);
  assert.equal(routes(host), 4);
  assert.equal(host.kernel.written, written);
  assert.equal(host.said('all peers held are in etcd again').length, 1);
  assert.doesNotMatch(status(host), /held/);
});

test('SIGHUP withdraws what is held, and the time does at last', async () => {
  for (const way of ['reload', 'time']) {
    const { fleet, host } = await hostWithPeers(4);
    for (const number of [0, 1, 2]) await fleet.deleteLease(`172.30.${number}.0-24`);
    await fleet.pass(60_000);
    assert.equal(routes(host), 4);
    if (way === 'reload') await host.reload();
    else for (let minutes = 0; minutes < 60; minutes += 1) await fleet.pass(60_000);
    await fleet.pass(500);
    assert.equal(routes(host), 1, way);
    assert.doesNotMatch(status(host), /held/);
  }
});

test('a held peer whose subnet is leased to another host is replaced at once, the others stay', async () => {
  const { fleet, host } = await hostWithPeers(4);
  for (const number of [0, 1, 2]) await fleet.deleteLease(`172.30.${number}.0-24`);
  await fleet.pass(60_000);
  await fleet.putLease('172.30.1.0-24', record(9));
  await fleet.pass(500);
  assert.equal(routes(host), 4);
  assert.match(host.fabric.join('\n'), /dst 10\.77\.0\.109/);
  assert.doesNotMatch(host.fabric.join('\n'), /dst 10\.77\.0\.101/);
});

test('a store restored from a backup of before all leases: every host claims its own again, none is withdrawn', async () => {
  const { fleet, hosts } = await readyFleet(6);
  const early = fleet.etcd.backup();
  assert.ok(early.keyspace.pairs.length > 6);
  const empty = {
    ...early,
    keyspace: { ...early.keyspace, pairs: early.keyspace.pairs.slice(0, 1), revision: 2, history: [] },
  };
  const before = hosts.map((host) => [host.subnet, host.kernel.written, host.fabric]);
  const names = [...(await fleet.leases()).keys()].sort();
  fleet.etcd.restore(empty);
  await fleet.pass(1000);
  assert.deepEqual([...(await fleet.leases()).keys()].sort(), names);
  await fleet.pass(60_000);
  assert.deepEqual(
    hosts.map((host) => [host.subnet, host.kernel.written, host.fabric]),
    before,
  );
});

test('a store restored from a backup that has our older record: it is written anew once, not again and again', async () => {
  const { fleet, hosts } = await readyFleet(2);
  const [host] = hosts;
  assert.ok(host !== undefined);
  const backup = fleet.etcd.backup();
  const name = host.subnet.replace('.1/', '.0-');
  for (let time = 0; time < 3; time += 1) await fleet.putLease(name, RECORD);
  await fleet.pass(120_000);
  await fleet.deleteLease(name);
  await fleet.pass(120_000);
  const { fabric } = host;
  fleet.etcd.restore(backup);
  await fleet.settle();
  await fleet.pass(100_000);
  assert.match(host.said('own lease written by somebody else').join(), /most likely etcd was restored from a backup/);
  const before = host.said('lease renewed').length;
  await fleet.pass(HOLD_MS);
  assert.equal(host.said('lease renewed').length, before);
  assert.deepEqual(host.fabric, fabric);
  assert.match((await fleet.leases()).get(name) ?? '', /10\.77\.0\.11/);
});

test("an address that changes keeps the subnet, and the peers' route is never away", async () => {
  const { fleet, hosts } = await readyFleet(2);
  const [host, peer] = hosts;
  assert.ok(host !== undefined && peer !== undefined);
  const name = host.subnet.replace('.1/', '.0-');
  const applied: string[] = [];
  const { kernel } = peer;
  const apply = kernel.apply.bind(kernel);
  kernel.apply = (operations) => {
    applied.push(Array.from(operations, ({ type }) => type).join(' '));
    return apply(operations);
  };
  const { subnet } = host;
  host.kernel.setAddresses([
    ...host.kernel.host().addresses.filter(({ address }) => typeof address !== 'number'),
    { ...(host.kernel.host().addresses[0] ?? assert.fail()), address: 0x0a4d0063 },
  ]);
  await fleet.pass(1000);
  assert.equal(host.subnet, subnet);
  assert.match((await fleet.leases()).get(name) ?? '', /"PublicIP":"10\.77\.0\.99"/);
  assert.match(peer.fabric.join('\n'), /dst 10\.77\.0\.99/);
  assert.equal(applied.length, 1, 'one pass');
  assert.doesNotMatch(applied[0] ?? '', /route-/);
});
