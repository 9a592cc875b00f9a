/** The whole agent with its cache: a start without etcd, the way back, and what is written when. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '#runtime/fault.ts';
import { NETWORK, RECORD, routes, TestFleet, TestHost } from './test-host.ts';

const HOUR_MS = 3_600_000;
const PATIENCE_MS = 1500;

/** Hosts that are ready, each with its cache written. */
async function cachingFleet(count: number): Promise<{ fleet: TestFleet; hosts: TestHost[] }> {
  const fleet = new TestFleet();
  await fleet.configure(NETWORK);
  const hosts = Array.from({ length: count }, (_, index) => new TestHost(fleet, 11 + index));
  for (const host of hosts) {
    host.settings = { cache: { patienceMs: PATIENCE_MS } };
    await host.start();
  }
  await seconds(fleet, 15);
  for (const host of hosts) assert.equal(host.cache.contents?.peers.length, count - 1, host.logged.join('\n'));
  return { fleet, hosts };
}

async function cachingHost(): Promise<{ fleet: TestFleet; host: TestHost }> {
  const { fleet, hosts } = await cachingFleet(3);
  return { fleet, host: hosts[0] ?? assert.fail() };
}

/** A second for each second: what falls due leads to what falls due later. */
async function seconds(fleet: TestFleet, count: number): Promise<void> {
  for (let second = 0; second < count; second += 1) await fleet.pass(1000);
}

/** The same machine after its agent was killed; `rebooted`: without anything that a reboot takes. */
async function restart(host: TestHost, rebooted = false): Promise<TestHost> {
  await host.stop();
  if (!rebooted) {
    host.notified.length = 0;
    host.logged.length = 0;
    await host.start();
    return host;
  }
  const next = new TestHost(host.fleet, host.number);
  next.settings = host.settings;
  next.cache.bytes = host.cache.bytes;
  await next.start();
  return next;
}

function leaseName(host: TestHost): string {
  return host.subnet.replace('.1/', '.0-');
}

function rivalRecord(host: TestHost): { name: string; value: string } {
  return { name: leaseName(host), value: RECORD };
}

test('with etcd down a host starts from its cache, READY at once, with all peers and nothing written to the kernel', async () => {
  const { fleet, host } = await cachingHost();
  const before = { subnet: host.subnet, fabric: host.fabric, written: host.kernel.written };
  fleet.etcd.stop();
  await restart(host);
  assert.ok(host.ready, host.logged.join('\n'));
  assert.deepEqual({ subnet: host.subnet, fabric: host.fabric, written: host.kernel.written }, before);
  assert.match(
    host.notified.join('\n'),
    /READY=1\nSTATUS=\S+ leased, 2 peers; from cache, etcd unreachable since 1970-/,
  );
  assert.equal(host.said('the store does not answer; going on from the cache').length, 1);
  const { store } = host.report();
  assert.deepEqual([store.connected, store.fromCache], [false, true]);
  assert.match(store.why ?? '', /cannot connect to etcd/);
});

test('after a reboot without etcd the fabric is made anew with the MAC of before', async () => {
  const { fleet, host } = await cachingHost();
  const { fabric, subnet } = host;
  fleet.etcd.stop();
  const next = await restart(host, true);
  assert.ok(next.ready, next.logged.join('\n'));
  assert.equal(next.subnet, subnet);
  assert.deepEqual(next.fabric, fabric);
});

test('an etcd that does not answer at all is waited for no longer than the patience lasts', async () => {
  const { fleet, host } = await cachingHost();
  await host.stop();
  const slow = new TestHost(fleet, host.number);
  slow.settings = host.settings;
  slow.cache.bytes = host.cache.bytes;
  slow.storeSilent = true;
  await slow.start();
  await fleet.pass(PATIENCE_MS - 1);
  assert.equal(slow.cache.reads, 0);
  assert.equal(slow.ready, false);
  await fleet.pass(1);
  await fleet.pass(500);
  assert.ok(slow.ready, slow.logged.join('\n'));
  assert.deepEqual(slow.report().store, { connected: false, lostAt: '1970-01-01T00:16:55.000Z', fromCache: true });
});

test('etcd that answers in time: the cache is not read, also by a host that has a lease', async () => {
  const { fleet, host } = await cachingHost();
  const { reads } = host.cache;
  await restart(host);
  await seconds(fleet, 10);
  assert.equal(host.cache.reads, reads);
});

test('when etcd comes back the lease is renewed, peers that came and went are learned, and the watch lives', async () => {
  const { fleet, hosts } = await cachingFleet(3);
  const [host, , gone] = hosts;
  assert.ok(host !== undefined && gone !== undefined);
  const { subnet } = host;
  fleet.etcd.stop();
  await restart(host);
  await gone.stop();
  fleet.etcd.deleteRaw(`/kubernetes/network/subnets/${leaseName(gone)}`);
  fleet.etcd.putRaw('/kubernetes/network/subnets/172.30.9.0-24', RECORD);
  assert.equal(routes(host), 2);
  fleet.etcd.start();
  await seconds(fleet, 5);
  assert.equal(host.subnet, subnet);
  assert.equal(host.said('how=renewed').length, 1);
  assert.ok(host.fabric.includes('fdb 8a:1b:af:8c:b2:78 dst 10.77.0.99 self permanent'));
  assert.equal(routes(host), 2);
  await fleet.putLease('172.30.8.0-24', RECORD.replace('10.77.0.99', '10.77.0.98').replace('8a:1b', '8a:9b'));
  await fleet.pass(500);
  assert.equal(routes(host), 3);
  await seconds(fleet, 5);
  assert.doesNotMatch(host.notified.at(-1) ?? '', /from cache/);
  assert.deepEqual(host.report().store, { connected: true });
});

test('after an outage longer than the TTL the expired lease is made again, of the same subnet', async () => {
  const { fleet, host } = await cachingHost();
  const { subnet } = host;
  fleet.etcd.stop();
  await restart(host);
  for (let hour = 0; hour < 30; hour += 1) await fleet.pass(HOUR_MS);
  assert.equal(routes(host), 2);
  fleet.etcd.start();
  assert.equal((await fleet.leases()).size, 0);
  await seconds(fleet, 120);
  assert.equal(host.subnet, subnet);
  assert.ok((await fleet.leases()).has(leaseName(host)));
  assert.equal(host.said('peer removed').length, 0, 'the others have theirs again before anybody withdraws them');
  assert.equal(routes(host), 2);
});

test('a peer whose key is gone is in the file as long as it is waited for', async () => {
  const { fleet, host } = await cachingHost();
  host.settings = { ...host.settings, withdraw: { graceMs: 60_000, limitPercent: 30, holdMs: 3_600_000 } };
  await restart(host);
  await fleet.putLease('172.30.9.0-24', RECORD);
  await seconds(fleet, 10);
  await fleet.deleteLease('172.30.9.0-24');
  await seconds(fleet, 10);
  assert.equal(host.cache.contents?.peers.length, 3);
  fleet.etcd.stop();
  await restart(host);
  assert.equal(routes(host), 3);
  fleet.etcd.start();
  await seconds(fleet, 80);
  assert.equal(routes(host), 2);
  assert.equal(host.cache.contents?.peers.length, 2);
});

test('a running host whose renewals fail beyond the end of its lease goes on trying, and has its subnet back', async () => {
  const { fleet, host } = await cachingHost();
  const { subnet, fabric } = host;
  fleet.etcd.stop();
  for (let minute = 0; minute < 30 * 60; minute += 1) await fleet.pass(60_000);
  assert.deepEqual(host.fabric, fabric);
  assert.ok(
    host.said('lease not renewed; forwarding goes on').length >= 60,
    'a try in each minute of the margin and after',
  );
  fleet.etcd.start();
  await seconds(fleet, 3);
  assert.ok((await fleet.leases()).has(leaseName(host)), 'the pause of a minute is not waited for');
  assert.equal(host.subnet, subnet);
});

test('another document is reported and waits for a restart', async () => {
  const { fleet, host } = await cachingHost();
  const { subnet } = host;
  fleet.etcd.stop();
  await restart(host);
  fleet.etcd.putRaw('/kubernetes/network/config', JSON.stringify({ ...NETWORK, Network: '172.29.0.0/16' }));
  fleet.etcd.start();
  await seconds(fleet, 5);
  assert.equal(host.said('network document changed').length, 1);
  assert.equal(host.subnet, subnet);
  assert.ok((await fleet.leases()).has(leaseName(host)));
});

test('a host that starts for the first time while etcd is down waits, and leases when it comes', async () => {
  const fleet = new TestFleet();
  await fleet.configure(NETWORK);
  fleet.etcd.stop();
  const host = new TestHost(fleet, 11);
  host.settings = { cache: { patienceMs: PATIENCE_MS } };
  await host.start();
  await fleet.pass(60_000);
  assert.equal(host.ready, false);
  assert.equal(host.cache.reads, 1);
  fleet.etcd.start();
  await seconds(fleet, 5);
  assert.ok(host.ready);
});

test('the cache of another machine is refused by name, and a clone leases a subnet of its own', async () => {
  const { fleet, host } = await cachingHost();
  const clone = new TestHost(fleet, 77);
  clone.settings = host.settings;
  clone.cache.bytes = host.cache.bytes;
  await clone.start();
  await seconds(fleet, 5);
  assert.match(clone.said('cache not used')[0] ?? '', /code=cache\.foreign .*02:00:00:00:00:0b/);
  assert.ok(clone.ready);
  assert.notEqual(clone.subnet, host.subnet);
});

test('a cache that is damaged is refused by name and waits for etcd', async () => {
  const { fleet, host } = await cachingHost();
  host.cache.bytes = host.cache.bytes?.subarray(0, -1);
  fleet.etcd.stop();
  await restart(host);
  await seconds(fleet, 10);
  assert.match(host.said('cache not used')[0] ?? '', /code=cache\.damaged/);
  assert.equal(host.ready, false);
  fleet.etcd.start();
  await seconds(fleet, 10);
  assert.ok(host.ready);
  assert.equal(host.cache.contents?.peers.length, 2, 'the file was written anew');
});

test('a cached network that this program cannot run is refused by name', async () => {
  const { fleet, host } = await cachingHost();
  const contents = host.cache.contents ?? assert.fail();
  await host.cache.write({ ...contents, document: JSON.stringify({ ...NETWORK, Backend: { Type: 'ipsec' } }) });
  fleet.etcd.stop();
  await restart(host);
  assert.match(host.said('cache not used')[0] ?? '', /code=network\.invalid/);
  assert.equal(host.ready, false);
});

test('an address that changed while the agent was down keeps the subnet, by the record that the cache knows', async () => {
  const { fleet, host } = await cachingHost();
  const { subnet } = host;
  await host.stop();
  const moved = new TestHost(fleet, 55, { links: host.kernel.host().links.filter(({ name }) => name === 'eth0') });
  moved.settings = host.settings;
  moved.cache.bytes = host.cache.bytes;
  await moved.start();
  await fleet.pass(500);
  assert.equal(moved.subnet, subnet, moved.logged.join('\n'));
  assert.match((await fleet.leases()).get(leaseName(moved)) ?? '', /"PublicIP":"10\.77\.0\.55"/);
  assert.equal((await fleet.leases()).size, 3);
});

test('at rest nothing is written, nor for renewals of peers; a burst of changes is one file', async () => {
  const { fleet, host } = await cachingHost();
  const { writes } = host.cache;
  for (let hour = 0; hour < 10; hour += 1) await fleet.pass(HOUR_MS);
  await fleet.putLease('172.30.9.0-24', RECORD);
  await seconds(fleet, 10);
  assert.equal(host.cache.writes, writes + 1);
  await fleet.putLease('172.30.9.0-24', RECORD);
  await seconds(fleet, 10);
  assert.equal(host.cache.writes, writes + 1);
  for (let peer = 0; peer < 50; peer += 1) {
    const record = RECORD.replace('10.77.0.99', `10.77.1.${peer + 1}`).replace(
      '8a:1b',
      `8a:${(16 + peer).toString(16)}`,
    );
    await fleet.putLease(`172.30.${100 + peer}.0-24`, record);
    await fleet.pass(10);
  }
  assert.equal(host.cache.writes, writes + 1);
  await fleet.pass(1000);
  assert.equal(host.cache.writes, writes + 2);
  assert.equal(host.cache.contents?.peers.length, 53);
});

test('changes that never pause are written every ten seconds', async () => {
  const { fleet, host } = await cachingHost();
  const { writes } = host.cache;
  for (let turn = 0; turn < 200; turn += 1) {
    await fleet.putLease('172.30.9.0-24', RECORD.replace('8a:1b', `8a:${(16 + (turn % 100)).toString(16)}`));
    await fleet.pass(300);
  }
  const files = host.cache.writes - writes;
  assert.ok(files >= 4 && files <= 8, `${files} files in a minute`);
});

test('a disk that cannot be written is told once, tried again later and later, and keeps the file of before', async () => {
  const { fleet, host } = await cachingHost();
  const { bytes } = host.cache;
  host.cache.fault = new Fault('cache.write', { what: 'the cache cannot be written', why: 'ENOSPC' });
  await fleet.putLease('172.30.9.0-24', RECORD);
  const { writes } = host.cache;
  for (let minute = 0; minute < 120; minute += 1) await fleet.pass(60_000);
  assert.equal(host.said('cache not written').length, 1);
  assert.match(host.said('cache not written')[0] ?? '', /ENOSPC.*remedy="check the space left/);
  assert.ok(host.cache.writes - writes <= 25, `${host.cache.writes - writes} tries in two hours`);
  assert.equal(host.cache.bytes, bytes);
  assert.equal(host.report().troubles.at(-1)?.code, 'cache.write');
  assert.equal(routes(host), 3);
  host.cache.fault = undefined;
  for (let minute = 0; minute < 12; minute += 1) await fleet.pass(60_000);
  assert.equal(host.cache.contents?.peers.length, 3);
  assert.equal(host.said('cache written again').length, 1);
});

for (const how of ['started with etcd', 'started from the cache'] as const) {
  test(`a host whose subnet was taken meanwhile, ${how}, stays READY with it, names both claims and takes it back when it is free`, async () => {
    const { fleet, host } = await cachingHost();
    const { subnet, fabric } = host;
    const rival = rivalRecord(host);
    await host.stop();
    await fleet.deleteLease(rival.name);
    await fleet.putLease(rival.name, rival.value);
    if (how === 'started from the cache') fleet.etcd.stop();
    await restart(host);
    fleet.etcd.start();
    await seconds(fleet, 10);
    assert.ok(host.ready, host.logged.join('\n'));
    assert.equal(host.subnet, subnet);
    assert.deepEqual(host.fabric, fabric);
    assert.equal((await fleet.leases()).get(rival.name), RECORD);
    const line = host.said('code=lease.contested')[0] ?? assert.fail(host.logged.join('\n'));
    assert.match(line, /10\.77\.0\.11.* is leased to 10\.77\.0\.99 now/);
    assert.match(
      line,
      /created at revision \d+, last written at \d+; ours \(created at revision \d+, last written at \d+\)/,
    );
    assert.match(line, /-accept-new-subnet/);
    assert.match(host.notified.at(-1) ?? '', /last fault: the subnet/);
    await fleet.putLease('172.30.9.0-24', RECORD.replace('10.77.0.99', '10.77.0.98').replace('8a:1b', '8a:9b'));
    await fleet.pass(500);
    assert.equal(routes(host), 3, 'peers are followed meanwhile');
    await fleet.deleteLease(rival.name);
    await fleet.pass(500);
    assert.match((await fleet.leases()).get(rival.name) ?? '', /10\.77\.0\.11/);
    assert.equal(host.said('the subnet is not contested any more').length, 1);
    await seconds(fleet, 5);
    assert.doesNotMatch(host.notified.at(-1) ?? '', /last fault/);
  });
}

test('a key that goes while we look at it is claimed a second later, not after the long pause', async () => {
  const { fleet, host } = await cachingHost();
  const rival = rivalRecord(host);
  await host.stop();
  await fleet.putLease(rival.name, rival.value);
  await restart(host);
  for (let minute = 0; minute < 60; minute += 1) await fleet.pass(60_000);
  let tries = host.said('subnet contested').length;
  host.meanwhile = () => fleet.deleteLease(rival.name);
  while (host.meanwhile !== undefined) await fleet.pass(1000);
  await seconds(fleet, 3);
  tries = host.said('subnet contested').length - tries;
  assert.equal(tries, 1);
  assert.match((await fleet.leases()).get(rival.name) ?? '', /10\.77\.0\.11/);
});

test('a contested subnet is asked for ever more rarely, and renewals of the other host are no news', async () => {
  const { fleet, host } = await cachingHost();
  const rival = rivalRecord(host);
  await host.stop();
  await fleet.putLease(rival.name, rival.value);
  await restart(host);
  await seconds(fleet, 10);
  const lines = host.logged.length;
  for (let renewal = 0; renewal < 20; renewal += 1) await fleet.putLease(rival.name, rival.value);
  assert.equal(host.logged.length, lines);
  for (let minute = 0; minute < 180; minute += 1) await fleet.pass(60_000);
  const tries = host.said('subnet contested').length;
  assert.ok(tries >= 15 && tries <= 40, `${tries} tries in three hours`);
});

test('the subnet of the file counts as used when an interface has an address in it, also without a cache', async () => {
  const { fleet, hosts } = await cachingFleet(1);
  const [host] = hosts;
  assert.ok(host !== undefined);
  const rival = rivalRecord(host);
  const { subnet } = host;
  host.settings = {};
  await host.stop();
  await fleet.putLease(rival.name, rival.value);
  await restart(host);
  await fleet.pass(1000);
  assert.ok(host.ready);
  assert.equal(host.subnet, subnet);
  assert.match(host.said('lease.contested')[0] ?? '', /no revision of it is known/);
});

for (const [families, document] of [
  ['gets a second family', { ...NETWORK, EnableIPv6: true, IPv6Network: 'fd30::/56' }],
  ['stays as it is', NETWORK],
] as const) {
  test(`a network that ${families} moves nobody`, async () => {
    const { fleet, host } = await cachingHost();
    await host.stop();
    await fleet.configure(document);
    await restart(host);
    await seconds(fleet, 3);
    assert.ok(host.ready);
    assert.equal(host.said('another subnet than before').length, 0);
  });
}

test('with no cache and no address in it the subnet of the file is given up, as in flannel', async () => {
  const { fleet, hosts } = await cachingFleet(1);
  const [host] = hosts;
  assert.ok(host !== undefined);
  const rival = rivalRecord(host);
  await host.stop();
  await fleet.putLease(rival.name, rival.value);
  const next = new TestHost(fleet, 11);
  next.subnetFile = host.subnetFile;
  await next.start();
  assert.ok(next.ready);
  assert.notEqual(next.subnet, host.subnet);
});

test("on the operator's word the host moves to another subnet, and that is said", async () => {
  const { fleet, host } = await cachingHost();
  const rival = rivalRecord(host);
  const { subnet } = host;
  await host.stop();
  await fleet.putLease(rival.name, rival.value);
  host.settings = { ...host.settings, acceptNewSubnet: true };
  await restart(host);
  await seconds(fleet, 5);
  assert.ok(host.ready);
  assert.notEqual(host.subnet, subnet);
  assert.ok((await fleet.leases()).has(leaseName(host)));
  const from = rival.name;
  assert.match(host.said('another subnet than before')[0] ?? '', new RegExp(`from=${from} .*remedy="restart the Pods`));
  assert.equal(host.cache.contents?.own.subnet.ipv4?.length, 24);
});

test('a claim that overlaps the held subnet at a key of its own and goes: the subnet is claimed at once', async () => {
  const { fleet, host } = await cachingHost();
  const rival = rivalRecord(host);
  const wide = rival.name.replace(/\.\d+\.0-24$/, '.0.0-16');
  await host.stop();
  await fleet.deleteLease(rival.name);
  await fleet.putLease(wide, RECORD);
  await restart(host);
  await seconds(fleet, 200);
  assert.equal((await fleet.leases()).get(rival.name), undefined, 'contested, and asked for rarely');
  await fleet.deleteLease(wide);
  await fleet.pass(500);
  assert.match((await fleet.leases()).get(rival.name) ?? '', /10\.77\.0\.11/);
});
