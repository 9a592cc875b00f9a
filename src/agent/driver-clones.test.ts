import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatHostRecord, hostMarkOf, parseHostRecord } from '#agent/leases/host-record.ts';
import { hostAddress, NETWORK, PREFIX, readyFleet, readyHost, TestFleet, TestHost } from './test-host.ts';

const HOST_KEY = `${PREFIX}/hosts/10.77.0.11`;

function hostKey(fleet: TestFleet): string {
  return fleet.etcd.keyspace.range({ key: HOST_KEY }).kvs[0]?.value ?? '';
}

/** Another machine with the address of host 11. */
function cloneOf(fleet: TestFleet): TestHost {
  const clone = new TestHost(fleet, 11);
  clone.mark = hostMarkOf('machine of the clone', 'boot of the clone', 'the-clone');
  return clone;
}

/** In steps, so that both sides of a question have their turn. */
async function passSeconds(fleet: TestFleet, seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second += 1) await fleet.pass(1000);
}

test('a clone of a living host is refused with cause and remedy, and disturbs nothing', async () => {
  const { fleet, hosts } = await readyFleet(2);
  const [owner, peer] = [hosts[0] ?? assert.fail(), hosts[1] ?? assert.fail()];
  const leases = await fleet.leases();
  const fabric = peer.fabric;
  const clone = cloneOf(fleet);
  await clone.start();
  await passSeconds(fleet, 5);
  assert.equal(clone.ready, false);
  assert.equal(clone.subnet, 'none');
  const [said = ''] = clone.said('lease.clone');
  assert.match(said, /address 10\.77\.0\.11 is held by another machine, host .*host11/);
  assert.match(said, /a cloned image, or the address configured twice/);
  assert.match(said, /systemd-machine-id-setup/);
  assert.deepEqual(await fleet.leases(), leases);
  assert.deepEqual(peer.fabric, fabric);
  assert.ok(owner.ready);
  assert.equal(owner.said('another machine wants our address').length, 1);
});

test('the clone asks once a minute, is warned of once, and is ready when the owner is gone for good', async () => {
  const { fleet, host: owner } = await readyHost();
  const clone = cloneOf(fleet);
  await clone.start();
  await passSeconds(fleet, 200);
  assert.equal(clone.ready, false);
  assert.equal(owner.said('another machine wants our address').length, 1);
  await owner.stop();
  await passSeconds(fleet, 60);
  assert.equal(clone.ready, false);
  await passSeconds(fleet, 320);
  assert.ok(clone.ready, clone.logged.join('\n'));
  assert.equal(clone.subnet, owner.subnet);
  assert.equal(parseHostRecord(hostKey(fleet))?.name, 'the-clone');
});

test('a host installed anew gets its subnet back after it asked in vain', async () => {
  const { fleet, host: former } = await readyHost();
  await former.stop();
  const fresh = cloneOf(fleet);
  await fresh.start();
  assert.equal(fresh.ready, false);
  await passSeconds(fleet, 5);
  assert.ok(fresh.ready);
  assert.equal(fresh.subnet, former.subnet);
  assert.equal(fresh.said('address taken over from a machine that does not answer').length, 1);
});

test('an agent that starts again on its machine waits for nobody', async () => {
  const { fleet, host } = await readyHost();
  await host.stop();
  const again = new TestHost(fleet, 11);
  await again.start();
  assert.ok(again.ready, again.logged.join('\n'));
});

test('of two clones that start at the very same instant one is ready', async () => {
  const fleet = new TestFleet();
  await fleet.configure(NETWORK);
  const hosts = [new TestHost(fleet, 11), cloneOf(fleet)];
  await Promise.all(hosts.map((host) => host.start()));
  await passSeconds(fleet, 10);
  assert.equal(hosts.filter((host) => host.ready).length, 1);
  assert.equal((await fleet.leases()).size, 1);
});

test("the lease's record is not touched by the key of the host", async () => {
  const { fleet, host } = await readyHost();
  const marked = [...(await fleet.leases()).values()];
  assert.match(
    marked[0] ?? '',
    /^\{"PublicIP":"10\.77\.0\.11","PublicIPv6":null,"BackendType":"vxlan","BackendData":\{"VNI":1,"VtepMAC":"[\da-f:]{17}"\}\}$/,
  );
  assert.equal(host.said('record ignored').length, 0);
  const { kvs } = fleet.etcd.keyspace.range({ key: `${PREFIX}/`, rangeEnd: `${PREFIX}0` });
  const [config, hostOf, lease] = kvs;
  assert.deepEqual([kvs.length, config?.key, hostOf?.key], [3, `${PREFIX}/config`, HOST_KEY]);
  // One transaction, one etcd lease.
  assert.equal(hostOf?.modRevision, lease?.modRevision);
  assert.equal(hostOf?.lease, lease?.lease);
});

test('at rest nothing is written', async () => {
  const { fleet } = await readyHost();
  const { revision } = fleet.etcd.keyspace;
  await passSeconds(fleet, 600);
  assert.equal(fleet.etcd.keyspace.revision, revision);
});

test('hosts of one machine with addresses of their own have no trouble with each other', async () => {
  const fleet = new TestFleet();
  await fleet.configure(NETWORK);
  const hosts = [new TestHost(fleet, 11), new TestHost(fleet, 12)];
  for (const host of hosts) host.mark = hostMarkOf('one machine', 'one boot', 'lab');
  await Promise.all(hosts.map((host) => host.start()));
  await fleet.pass(500);
  for (const host of hosts) assert.ok(host.ready);
});

test('a machine without an id, and a fleet of flannel, go on as before', async () => {
  const fleet = new TestFleet();
  await fleet.configure(NETWORK);
  const host = new TestHost(fleet, 11);
  host.mark = undefined;
  await host.start();
  assert.ok(host.ready);
  assert.equal(hostKey(fleet), '');
  await host.stop();
  // Its lease, as flannel would have left it, is renewed at once and marked from now on.
  const marked = new TestHost(fleet, 11);
  await marked.start();
  assert.ok(marked.ready);
  assert.equal(marked.subnet, host.subnet);
  assert.equal(parseHostRecord(hostKey(fleet))?.name, 'host11');
});

test('a host that gets another address answers at that one', async () => {
  const { fleet, host } = await readyHost();
  host.kernel.setAddresses([hostAddress('10.77.0.31')]);
  await fleet.pass(2000);
  const clone = new TestHost(fleet, 31);
  clone.mark = hostMarkOf('machine of the clone', 'boot of the clone', 'the-clone');
  await clone.start();
  await passSeconds(fleet, 5);
  assert.equal(clone.ready, false);
  assert.equal(host.said('another machine wants our address').length, 1);
});

test('rubbish at the host key is nobody, and is replaced', async () => {
  const fleet = new TestFleet();
  await fleet.configure(NETWORK);
  fleet.etcd.putRaw(HOST_KEY, '{"machine":"x"}');
  const host = new TestHost(fleet, 11);
  await host.start();
  assert.ok(host.ready);
  assert.equal(hostKey(fleet), formatHostRecord(host.mark ?? assert.fail()));
});

test('an owner that was cut off while another machine took its address gets it back', async () => {
  const { fleet, host: owner } = await readyHost();
  const record = [...(await fleet.leases()).values()][0];
  fleet.etcd.stop();
  await passSeconds(fleet, 2);
  fleet.etcd.start();
  await passSeconds(fleet, 3);
  const other = hostMarkOf('machine of the clone', 'boot of the clone', 'the-clone');
  fleet.etcd.putRaw(HOST_KEY, formatHostRecord(other));
  await fleet.putLease(owner.subnet.replace('.1/', '.0-'), (record ?? '').replace(/"VtepMAC":"../, '"VtepMAC":"06'));
  await passSeconds(fleet, 90);
  assert.equal(parseHostRecord(hostKey(fleet))?.name, 'host11');
  assert.deepEqual([...(await fleet.leases()).values()][0], record);
  assert.equal(owner.said('is taken back').length, 1);
});

test('a clone that runs flannel and writes our lease is named, and the older claim stays', async () => {
  const { fleet, host } = await readyHost();
  const [[name = '', record = ''] = []] = [...(await fleet.leases())];
  await fleet.putLease(name, record.replace(/"VtepMAC":"[^"]*"/, '"VtepMAC":"06:00:00:00:00:01"'));
  await passSeconds(fleet, 2);
  const [said = ''] = host.said('own lease lost');
  assert.match(said, /overwritten by 10\.77\.0\.11.*lease\.clone.*systemd-machine-id-setup/);
  assert.equal((await fleet.leases()).get(name), record);
});
