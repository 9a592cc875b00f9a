import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatHostRecord, type HostMark, hostMarkOf } from '#agent/leases/host-record.ts';
import {
  TestHost as Host,
  hostAddress,
  PREFIX,
  readyFleet,
  readyHost,
  type TestFleet,
  type TestHost,
} from './test-host.ts';

/** The record of the host as it would be at another subnet, with an address. */
async function ownRecord(fleet: TestFleet, host: TestHost, address = host.address): Promise<string> {
  const value = (await fleet.leases()).get(nameOf(host)) ?? assert.fail();
  return value.replace(host.address, address);
}

function nameOf(host: TestHost): string {
  return host.subnet.replace('.1/', '.0-');
}

const TWIN = '172.30.200.0-24';

/** An etcd that is restored from a backup in which the host has TWIN, and not the lease of now. */
async function bringBack(
  fleet: TestFleet,
  host: TestHost,
  address = host.address,
  mark: HostMark | undefined | 'none' = host.mark,
): Promise<void> {
  const [value, lease] = [await ownRecord(fleet, host, address), fleet.etcd.grant(86_400).id];
  const name = nameOf(host);
  const own = (await fleet.leases()).get(name) ?? assert.fail();
  fleet.etcd.putRaw(`${PREFIX}/subnets/${TWIN}`, value, lease);
  if (mark !== undefined && mark !== 'none')
    fleet.etcd.putRaw(`${PREFIX}/hosts/${address}`, formatHostRecord(mark), lease);
  // The host claims its own key again, so that it is the younger of the two.
  fleet.etcd.deleteRaw(`${PREFIX}/subnets/${name}`);
  await fleet.settle();
  await fleet.pass(1000);
  assert.equal((await fleet.leases()).get(name), own);
}

test('an older record with our address and MAC is released, and the peers never lose the subnet', async () => {
  const { fleet, hosts } = await readyFleet(2);
  const [host, peer] = [hosts[0] ?? assert.fail(), hosts[1] ?? assert.fail()];
  const name = nameOf(host);
  await bringBack(fleet, host);
  for (let second = 0; second < 5; second += 1) await fleet.pass(1000);
  assert.deepEqual([...(await fleet.leases()).keys()].sort(), [name, nameOf(peer)].sort());
  assert.equal(host.said('older lease of this host released').length, 1);
  assert.equal(peer.said('lease not used').length, 0);
  assert.match(peer.fabric.join('\n'), new RegExp(`route ${name.replace('-', '/')}`));
});

test('an older record with an address that we had is released when nobody answers there', async () => {
  const { fleet, host } = await readyHost();
  await bringBack(fleet, host, '10.77.0.55');
  for (let second = 0; second < 5; second += 1) await fleet.pass(1000);
  assert.deepEqual([...(await fleet.leases()).keys()], [nameOf(host)]);
});

test('a record with our MAC that another machine has, or that no key tells of, is left alone and named once', async () => {
  for (const mark of [hostMarkOf('another machine', 'its boot', 'other'), 'none' as const]) {
    const { fleet, host } = await readyHost();
    await bringBack(fleet, host, '10.77.0.55', mark);
    for (let second = 0; second < 5; second += 1) await fleet.pass(1000);
    assert.equal((await fleet.leases()).size, 2);
    assert.equal(host.said('nothing shows that this host wrote it').length, 1);
  }
});

test('a reservation for our address at another subnet is never released', async () => {
  const { fleet, host } = await readyHost();
  await fleet.putLease(TWIN, await ownRecord(fleet, host));
  fleet.etcd.deleteRaw(`${PREFIX}/subnets/${nameOf(host)}`);
  for (let second = 0; second < 10; second += 1) await fleet.pass(1000);
  assert.ok((await fleet.leases()).has(TWIN));
});

test('a twin that cannot be released now is released when the store answers again', async () => {
  const { fleet, host } = await readyHost();
  await bringBack(fleet, host, '10.77.0.55');
  fleet.etcd.stop();
  for (let second = 0; second < 10; second += 1) await fleet.pass(1000);
  fleet.etcd.start();
  for (let second = 0; second < 70; second += 1) await fleet.pass(1000);
  assert.deepEqual([...(await fleet.leases()).keys()], [nameOf(host)]);
});

test('a copy of this machine with our ids and MAC keeps the record that it wrote, and we report both claims', async () => {
  const { fleet, host } = await readyHost();
  const name = nameOf(host);
  const copy = new Host(fleet, 11);
  copy.kernel.setAddresses([hostAddress('10.77.0.55')]);
  copy.mark = host.mark;
  await copy.start();
  await fleet.pass(1000);
  assert.notEqual(nameOf(copy), name);
  // It wakes up with what it had in memory, and renews our record with its own address.
  fleet.etcd.putRaw(
    `${PREFIX}/subnets/${name}`,
    await ownRecord(fleet, host, '10.77.0.55'),
    fleet.etcd.grant(86_400).id,
  );
  for (let second = 0; second < 10; second += 1) await fleet.pass(1000);
  assert.match((await fleet.leases()).get(name) ?? '', /10\.77\.0\.55/);
  assert.equal(host.said('level=error msg="subnet contested').length, 1, host.logged.join('\n'));
});

test('what listed before another machine was waited for is listed again: peers that came meanwhile are not withdrawn', async () => {
  const { fleet, host: former } = await readyHost();
  await former.stop();
  const fresh = new Host(fleet, 11);
  fresh.mark = hostMarkOf('installed anew', 'first boot', 'host11');
  await fresh.start();
  assert.equal(fresh.ready, false);
  const peer = new Host(fleet, 12);
  await peer.start();
  for (let second = 0; second < 5; second += 1) await fleet.pass(1000);
  assert.ok(fresh.ready && peer.ready);
  assert.match(fresh.said('msg=ready')[0] ?? '', /peers=1/);
  assert.match(fresh.fabric.join('\n'), new RegExp(`route ${nameOf(peer).replace('-', '/')}`));
});

test('our own renewal with another address, heard of before its answer, is no loss and is written once', async () => {
  const { fleet, host } = await readyHost();
  const before = fleet.etcd.keyspace.revision;
  host.kernel.setAddresses([hostAddress('10.77.0.55'), hostAddress(host.addressV6)]);
  for (let second = 0; second < 5; second += 1) await fleet.pass(1000);
  assert.match((await fleet.leases()).get(nameOf(host)) ?? '', /10\.77\.0\.55/);
  assert.equal(host.said('own lease lost').length, 0);
  assert.equal(fleet.etcd.keyspace.range({ key: `${PREFIX}/subnets/${nameOf(host)}` }).kvs[0]?.version, 2);
  assert.ok(fleet.etcd.keyspace.revision - before <= 2);
});
