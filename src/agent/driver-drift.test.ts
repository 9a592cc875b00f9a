/** Drift told from change, seen from the whole agent: the log, the sweep, and fights. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GatewayRoute, Operation } from '#agent/kernel/state.ts';
import { seededRandom } from '#agent/leases/lease-builders.ts';
import type { CoreSettings } from '#agent/reconcile/state.ts';
import { parseCidr, parseIp } from '#model/ip.ts';
import { NETWORK, RECORD, routes, TestFleet, TestHost } from './test-host.ts';

const ROUTE: GatewayRoute = {
  type: 'onlink',
  device: 'flannel.1',
  destination: parseCidr('172.30.9.0/24') ?? assert.fail(),
  gateway: parseIp('172.30.9.0') ?? assert.fail(),
};
const DELETE_ROUTE: Operation = { type: 'route-delete', entry: ROUTE };
const DELETE_DEVICE: Operation = { type: 'device-delete', name: 'flannel.1', why: 'test' };

/** A host with that many peers: 172.30.9.0/24 and on. */
async function started(settings: Partial<CoreSettings> = {}, peers = 1) {
  const fleet = new TestFleet();
  await fleet.configure(NETWORK);
  for (let peer = 0; peer < peers; peer += 1) {
    const record = RECORD.replace('0.99', `0.${99 + peer}`).replace('b2:78', `b2:${(16 + peer).toString(16)}`);
    await fleet.putLease(`172.30.${9 + peer}.0-24`, record);
  }
  const host = new TestHost(fleet, 11);
  host.settings = settings;
  await host.start();
  await fleet.pass(500);
  assert.ok(host.ready, host.logged.join('\n'));
  assert.equal(routes(host), peers);
  host.logged.length = 0;
  return { fleet, host };
}

test('what another program deletes is drift, with its name; a start, a new peer and a reload are not', async () => {
  const { fleet, host } = await started();
  assert.deepEqual(host.said('drift'), []);
  host.kernel.disturb([DELETE_ROUTE], 'ip (pid 812)');
  await fleet.pass(500);
  assert.match(
    host.said('drift repaired')[0] ?? '',
    /device=flannel\.1 found="route 172\.30\.9\.0\/24 missing" done="route 172\.30\.9\.0\/24 added" by="ip \(pid 812\)" ms=/,
  );
  assert.deepEqual(host.said('kernel programmed'), []);
  await fleet.putLease('172.30.20.0-24', RECORD.replace('0.99', '0.20').replace('b2:78', 'b2:01'));
  await fleet.pass(500);
  await host.reload();
  await fleet.pass(500);
  assert.equal(host.said('drift repaired').length, 1);
  assert.equal(host.said('kernel programmed').length, 1);
});

test('a deleted device is one line, however many objects went with it', async () => {
  const { fleet, host } = await started({}, 30);
  host.kernel.disturb([DELETE_DEVICE]);
  await fleet.pass(500);
  assert.equal(routes(host), 30);
  const lines = host.said('drift repaired');
  assert.equal(lines.length, 1);
  assert.match(
    lines[0] ?? '',
    /found="device missing, address \S+ missing, 30 neighbors missing, 30 FDB entries missing, 30 routes missing".*by=unknown/,
  );
});

test('a device damaged while a peer comes is drift, and the peer is not', async () => {
  const { fleet, host } = await started();
  host.lookMs = 200;
  host.kernel.disturb([{ type: 'device-set', name: 'flannel.1', mtu: 1300 }]);
  await fleet.pass(1000);
  assert.match(host.said('drift repaired')[0] ?? '', /found="MTU 1300 instead of 1450" done="MTU set"/);
});

test('the own addresses of the host that come and go make no drift of peers', async () => {
  const { fleet, host } = await started();
  host.kernel.setAddresses([
    ...host.kernel
      .host()
      .addresses.filter(({ linkIndex }) => linkIndex === 2)
      .slice(0, 1),
  ]);
  await fleet.pass(500);
  host.kernel.disturb([DELETE_ROUTE]);
  await fleet.pass(500);
  assert.equal(host.said('drift repaired').length, 1);
});

test('one route that the kernel refuses for ever is no drift, and does not keep drift from being told', async () => {
  const { fleet, host } = await started({}, 2);
  host.kernel.addRoute({
    destination: parseCidr('172.30.30.0/24') ?? assert.fail(),
    linkIndex: 2,
    gateway: parseIp('10.77.0.1'),
  });
  await fleet.putLease('172.30.30.0-24', RECORD.replace('0.99', '0.30').replace('b2:78', 'b2:01'));
  await fleet.pass(20_000);
  assert.ok(host.said('the kernel refused an operation').length > 1);
  assert.deepEqual(host.said('drift'), []);
  host.kernel.disturb([DELETE_ROUTE]);
  await fleet.pass(20_000);
  assert.equal(routes(host), 2);
  assert.equal(host.said('found="route 172.30.9.0/24 missing"').length, 1);
});

test("a peer's key that was deleted and is there again changes nothing, and does not hide drift", async () => {
  const { fleet, host } = await started();
  const record = (await fleet.leases()).get('172.30.9.0-24') ?? assert.fail();
  await fleet.deleteLease('172.30.9.0-24');
  await fleet.putLease('172.30.9.0-24', record);
  await fleet.pass(500);
  host.logged.length = 0;
  host.kernel.disturb([DELETE_ROUTE]);
  await fleet.pass(500);
  assert.equal(host.said('drift repaired').length, 1);
});

test('the sweep finds what no event announced, and says so', async () => {
  const { fleet, host } = await started({ sweepMs: 60_000 });
  host.kernel.disturbSilently([DELETE_ROUTE]);
  await fleet.pass(50_000);
  assert.equal(routes(host), 0);
  await fleet.pass(10_000);
  assert.equal(routes(host), 1);
  assert.match(host.said('drift repaired')[0] ?? '', /by="the sweep: no event announced it"/);
  const { drift } = host.report().counters;
  assert.deepEqual([drift.sweeps, drift.foundBySweep, drift.fights, drift.repaired['route']], [1, 1, 0, 1]);
  const { looks, written } = host.kernel;
  for (let minute = 0; minute < 10; minute += 1) await fleet.pass(60_000);
  assert.equal(host.kernel.looks - looks, 10);
  assert.equal(host.kernel.written, written);
  assert.equal(host.said('drift repaired').length, 1);
});

test('with -sweep-seconds=0 nothing is looked at that no event announced', async () => {
  const { fleet, host } = await started();
  host.kernel.disturbSilently([DELETE_ROUTE]);
  await fleet.pass(3_000_000);
  assert.equal(routes(host), 0);
});

test('a sweep that takes long is made seldom: at most a thousandth of the time', async () => {
  const { fleet, host } = await started({ sweepMs: 60_000 });
  host.lookMs = 150;
  await fleet.pass(60_000);
  const { looks } = host.kernel;
  await fleet.pass(148_000);
  assert.equal(host.kernel.looks, looks);
  await fleet.pass(3_000);
  assert.equal(host.kernel.looks, looks + 1);
});

test('a fight over one route: named once, that route alone waits, and ever longer', async () => {
  const { fleet, host } = await started({}, 2);
  for (let round = 0; round < 11; round += 1) {
    host.kernel.disturb([DELETE_ROUTE], 'zebra (pid 9)');
    await fleet.pass(500);
    assert.equal(routes(host), 2);
  }
  assert.match(host.said('msg=fight')[0] ?? '', /object="route 172\.30\.9\.0\/24" by="zebra \(pid 9\)" remedy=/);
  host.kernel.disturb([DELETE_ROUTE], 'zebra (pid 9)');
  host.kernel.disturb([{ type: 'device-set', name: 'flannel.1', mtu: 1300 }]);
  await fleet.pass(10);
  assert.equal(routes(host), 1);
  assert.match(host.fabric.join('\n'), /mtu 1450/);
  await fleet.pass(600);
  assert.equal(routes(host), 2);
  assert.match(host.said('drift repaired').at(-1) ?? '', /by="zebra \(pid 9\)"/);
  host.kernel.disturb([DELETE_ROUTE]);
  await fleet.pass(1800);
  assert.equal(routes(host), 1);
  await fleet.pass(200);
  assert.equal(routes(host), 2);
  assert.equal(host.said('msg=fight').length, 1);
  await fleet.pass(200_000);
  host.kernel.disturb([DELETE_ROUTE]);
  await fleet.pass(10);
  assert.equal(routes(host), 2);
  assert.equal(host.said('fight over').length, 1);
});

test('what was left alone and is right again by itself is looked at once, and then there is rest', async () => {
  const { fleet, host } = await started();
  for (let round = 0; round < 12; round += 1) {
    host.kernel.disturb([DELETE_ROUTE]);
    await fleet.pass(80);
  }
  assert.equal(routes(host), 0);
  host.kernel.disturbSilently([{ type: 'route-add', entry: ROUTE }]);
  await host.fleet.pass(100);
  const { looks } = host.kernel;
  host.kernel.disturb([]);
  await fleet.pass(5000);
  assert.equal(routes(host), 1);
  assert.ok(host.kernel.looks - looks <= 2, `${host.kernel.looks - looks} looks`);
});

test('a fight over the device: it waits with all that stands on it, and comes back whole', async () => {
  const { fleet, host } = await started({}, 3);
  for (let round = 0; round < 11; round += 1) {
    host.kernel.disturb([DELETE_DEVICE]);
    await fleet.pass(500);
  }
  assert.match(host.said('msg=fight')[0] ?? '', /object="device flannel\.1"/);
  host.kernel.disturb([DELETE_DEVICE]);
  await fleet.pass(10);
  assert.deepEqual(host.fabric, []);
  assert.deepEqual(host.said('cannot be programmed'), []);
  await fleet.pass(1000);
  assert.equal(routes(host), 3);
});

test('a fight over all routes at once is one fight', async () => {
  const { fleet, host } = await started({}, 70);
  const all = Array.from({ length: 70 }, (_, peer): Operation => {
    const [destination, gateway] = [parseCidr(`172.30.${9 + peer}.0/24`), parseIp(`172.30.${9 + peer}.0`)];
    return destination === undefined || gateway === undefined
      ? assert.fail()
      : { type: 'route-delete', entry: { ...ROUTE, destination, gateway } };
  });
  for (let round = 0; round < 12; round += 1) {
    host.kernel.disturb(all);
    await fleet.pass(400);
  }
  assert.equal(host.said('msg=fight').length, 1);
  assert.match(host.said('msg=fight')[0] ?? '', /object="all routes"/);
  assert.equal(routes(host), 0);
  await fleet.pass(1000);
  assert.equal(routes(host), 70);
});

test('rules that another program removes are drift, with its name, and a fight over them is told', async () => {
  const { fleet, host } = await started({
    traffic: { masquerade: true, forward: true, fullyRandom: true, compatNft: false },
  });
  assert.deepEqual(host.said('drift'), []);
  for (let round = 0; round < 11; round += 1) {
    host.firewall.restore('nft', 'ipv4', '*filter\n-F FLANNEL-FWD\nCOMMIT\n');
    await fleet.settle();
    await fleet.pass(500);
  }
  assert.match(
    host.said('drift repaired')[0] ?? '',
    /found="iptables \(nft\) ipv4 chain filter\/FLANNEL-FWD different" done="chain filter\/FLANNEL-FWD written" by="nft \(pid 12\)"/,
  );
  assert.match(
    host.said('msg=fight')[0] ?? '',
    /object="iptables \(nft\) ipv4 chain filter\/FLANNEL-FWD" by="nft \(pid 12\)"/,
  );
  const { written } = host.firewall;
  host.firewall.restore('nft', 'ipv4', '*filter\n-F FLANNEL-FWD\nCOMMIT\n');
  await fleet.pass(400);
  assert.equal(host.firewall.written, written);
  await fleet.pass(1000);
  assert.equal(host.firewall.written, written + 1);
});

test('any damage in any order, announced or not, is healed, and told once for each pass that repaired', async () => {
  const random = seededRandom(4);
  const { fleet, host } = await started({ sweepMs: 60_000 }, 12);
  const before = host.fabric;
  for (let step = 0; step < 300; step += 1) {
    const said = host.said('drift repaired').length;
    const third = 9 + Math.floor(random() * 12);
    const [destination, gateway] = [parseCidr(`172.30.${third}.0/24`), parseIp(`172.30.${third}.0`)];
    assert.ok(destination !== undefined && gateway !== undefined);
    const damages: readonly Operation[] = [
      { type: 'route-delete', entry: { ...ROUTE, destination, gateway } },
      { type: 'route-replace', entry: { ...ROUTE, destination, gateway: gateway === 0 ? 1 : Number(gateway) + 3 } },
      { type: 'neighbor-delete', entry: { device: 'flannel.1', address: gateway, mac: '02:00:00:00:00:01' } },
      { type: 'neighbor-replace', entry: { device: 'flannel.1', address: gateway, mac: '02:00:00:00:00:01' } },
      { type: 'device-set', name: 'flannel.1', mtu: 1000 + step },
      { type: 'device-set', name: 'flannel.1', up: false },
      DELETE_DEVICE,
    ];
    const damage = damages[Math.floor(random() * damages.length)] ?? assert.fail();
    if (random() < 0.5) host.kernel.disturb([damage]);
    else host.kernel.disturbSilently([damage]);
    // Slowly enough that it is no fight over the device.
    await fleet.pass(66_000);
    assert.deepEqual(
      host.fabric,
      before,
      JSON.stringify(damage, (_, value) => String(value)),
    );
    assert.equal(host.said('drift repaired').length, said + 1);
  }
  assert.deepEqual(host.said('msg=fight'), []);
});
