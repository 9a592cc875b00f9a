import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Engine } from '#agent/backends/engine.ts';
import type { EngineState } from '#agent/backends/engine-state.ts';
import type { MemoryKernel } from '#agent/kernel/memory-kernel.ts';
import { parseCidr } from '#model/ip.ts';
import { Fault } from '#runtime/fault.ts';
import { hostAddress, NETWORK, RECORD, readyFleet, readyHost, routes, TestFleet, TestHost } from './test-host.ts';

const HOUR_MS = 3_600_000;

const DUAL = { ...NETWORK, EnableIPv6: true, IPv6Network: 'fd10::/48' };

test('in dual stack both families are leased together, published and programmed', async () => {
  const { fleet, hosts } = await readyFleet(3, DUAL);
  for (const [name, value] of await fleet.leases()) {
    assert.match(name, /^172\.30\.\d+\.0-24&fd10:0:0:[\da-f]+::-64$/);
    assert.match(value, /"PublicIPv6":"fd00:77::1[123]".*"BackendV6Data":\{"VNI":1,"VtepMAC":/);
  }
  for (const host of hosts) {
    assert.equal(host.fabric.length, 2 + 2 * 3);
    assert.equal(host.kernel.print('flannel-v6.1').length, 2 + 2 * 3, host.kernel.print('flannel-v6.1').join('\n'));
    assert.match(
      host.subnetFile ?? '',
      /FLANNEL_IPV6_NETWORK=fd10::\/48\nFLANNEL_IPV6_SUBNET=fd10:.*::1\/64\nFLANNEL_MTU=1430\n/,
    );
  }
});

test('a restart in dual stack keeps both subnets, both MACs and all kernel state', async () => {
  const { fleet, hosts } = await readyFleet(2, DUAL);
  const [host] = hosts;
  assert.ok(host !== undefined);
  const before = { records: [...(await fleet.leases())], file: host.subnetFile, written: host.kernel.written };
  await host.stop();
  await host.start();
  await fleet.pass(1000);
  const now = { records: [...(await fleet.leases())], file: host.subnetFile, written: host.kernel.written };
  assert.deepEqual(now, before);
});

test('with IPv6 alone the keys name the IPv6 subnet, and there is one device', async () => {
  const { fleet, hosts } = await readyFleet(2, {
    EnableIPv4: false,
    EnableIPv6: true,
    IPv6Network: 'fd10::/48',
    Backend: { Type: 'vxlan' },
  });
  assert.match([...(await fleet.leases()).keys()].join(), /^fd10:0:0:[\da-f]+::-64,fd10:0:0:[\da-f]+::-64$/);
  for (const host of hosts) {
    assert.deepEqual(host.fabric, []);
    assert.equal(host.kernel.print('flannel-v6.1').length, 2 + 3);
    assert.match(host.subnetFile ?? '', /^FLANNEL_IPV6_NETWORK=fd10::\/48\nFLANNEL_IPV6_SUBNET=/);
  }
});

test('a peer whose record has no usable IPv6 costs itself IPv6 alone', async () => {
  const { fleet, hosts } = await readyFleet(1, DUAL);
  const [host] = hosts;
  assert.ok(host !== undefined);
  await fleet.putLease('172.30.9.0-24&fd10:0:0:9::-64', RECORD);
  await fleet.pass(500);
  assert.equal(routes(host), 1);
  assert.equal(host.kernel.print('flannel-v6.1').filter((line) => line.startsWith('route')).length, 0);
  assert.match(host.said('PublicIPv6 :: is missing').join(), /lease not used/);
});

test('host-gw routes through the hosts; a peer that vanished while the agent was down is removed at its start', async () => {
  const { fleet, hosts } = await readyFleet(3, { ...DUAL, Backend: { Type: 'host-gw' } });
  const [host, , other] = hosts;
  assert.ok(host !== undefined && other !== undefined);
  assert.equal(host.kernel.printRoutes().length, 4);
  assert.match(host.kernel.printRoutes().join('\n'), /^172\.30\.\d+\.0\/24 via 10\.77\.0\.1[23] dev eth0$/m);
  assert.match(host.kernel.printRoutes().join('\n'), /^fd10:0:0:[\da-f]+::\/64 via fd00:77::1[23] dev eth0$/m);
  assert.match([...(await fleet.leases()).values()].join('\n'), /"BackendType":"host-gw"\}$/);
  await host.stop();
  await other.stop();
  for (const [name, value] of await fleet.leases()) if (value.includes('10.77.0.13')) await fleet.deleteLease(name);
  await host.start();
  assert.equal(host.kernel.printRoutes().length, 2);
});

test('from vxlan to host-gw: the routes through the tunnel become routes through the hosts, and none is left', async () => {
  const { fleet, hosts } = await readyFleet(3, DUAL);
  const [host] = hosts;
  assert.ok(host !== undefined);
  const gone = parseCidr('172.30.250.0/24') ?? assert.fail();
  for (const each of hosts) await each.stop();
  // A peer that left while no agent ran.
  host.kernel.disturb([
    { type: 'route-add', entry: { type: 'onlink', device: 'flannel.1', destination: gone, gateway: gone.address } },
  ]);
  await fleet.configure({ ...DUAL, Backend: { Type: 'host-gw' } });
  for (const each of hosts) await each.start();
  await fleet.pass(1000);
  for (const { kernel, logged } of hosts) {
    const found = kernel.printRoutes();
    assert.equal(found.length, 4, found.join('\n'));
    for (const route of found) assert.match(route, / via (10\.77\.0\.1|fd00:77::1)[123] dev eth0$/);
    assert.ok(!logged.some((line) => line.includes('EEXIST')), logged.join('\n'));
  }
});

for (const type of ['alloc', 'extension'] as const) {
  test(`with ${type} the operator's routes are left alone`, async () => {
    const fleet = new TestFleet();
    await fleet.configure({ ...NETWORK, Backend: { Type: type } });
    const host = new TestHost(fleet, 11);
    const idle = { identity: '', converge: async () => 0, watch: () => undefined, close: () => undefined };
    host.engines = { extension: () => idle };
    await host.start();
    await fleet.pass(1000);
    assert.ok(host.ready, host.logged.join('\n'));
    const destination = parseCidr('172.30.250.0/24') ?? assert.fail();
    const gateway = hostAddress('10.77.0.12').address;
    host.kernel.disturb([{ type: 'route-add', entry: { type: 'gateway', device: 'eth0', destination, gateway } }]);
    for (let minute = 0; minute < 3; minute += 1) await fleet.pass(60_000);
    await host.stop();
    await host.start();
    await fleet.pass(1000);
    assert.deepEqual(host.kernel.printRoutes(), ['172.30.250.0/24 via 10.77.0.12 dev eth0']);
  });
}

test('host-gw behind NAT is refused with the remedy, again and again, until it is not', async () => {
  const fleet = new TestFleet();
  await fleet.configure({ ...NETWORK, Backend: { Type: 'host-gw' } });
  const host = new TestHost(fleet, 11);
  host.settings = { publicIp: 0xcb007109 };
  await host.start();
  await fleet.pass(20_000);
  assert.match(host.said('host.underlay')[0] ?? '', /your PublicIP differs.*NAT.*remedy=/);
  assert.ok(!host.ready);
});

test('another address of the interface is followed: the subnet and the MAC stay, the peers hear of it', async () => {
  const { fleet, hosts } = await readyFleet(2);
  const [host, peer] = hosts;
  assert.ok(host !== undefined && peer !== undefined);
  const before = { subnet: host.subnet, fabric: host.fabric, leases: await fleet.leases() };
  host.kernel.setAddresses([hostAddress('10.77.0.77')]);
  await fleet.pass(1000);
  assert.match(host.said('interface changed').join(), /address=10\.77\.0\.77/);
  assert.deepEqual([host.subnet, host.fabric], [before.subnet, before.fabric]);
  const expected = [...before.leases].map(([name, value]) => [name, value.replace('10.77.0.11"', '10.77.0.77"')]);
  assert.deepEqual([...(await fleet.leases())], expected);
  assert.ok(peer.fabric.some((line) => line.includes('dst 10.77.0.77 ')));
  const revision = fleet.etcd.keyspace.revision;
  for (let minute = 0; minute < 10; minute += 1) await fleet.pass(60_000);
  assert.equal(fleet.etcd.keyspace.revision, revision, 'told once');
});

test('an address that is gone for a while changes nothing, and neither does a second one', async () => {
  const { fleet, host } = await readyHost();
  const { fabric } = host;
  const { revision } = fleet.etcd.keyspace;
  for (const addresses of [[], ['10.77.0.5', '10.77.0.11'], ['10.77.0.11']]) {
    host.kernel.setAddresses(addresses.map(hostAddress));
    await fleet.pass(1000);
  }
  assert.deepEqual(host.fabric, fabric);
  assert.equal(fleet.etcd.keyspace.revision, revision);
  assert.equal(host.said('interface changed').length, 0);
});

test('another MTU of the interface is followed by the device and by the subnet file, and published to nobody', async () => {
  const { fleet, host } = await readyHost();
  const { revision } = fleet.etcd.keyspace;
  const [eth0] = host.kernel.host().links;
  assert.ok(eth0 !== undefined);
  host.kernel.setLink({ ...eth0, mtu: 1400 });
  await fleet.pass(1000);
  assert.match(host.subnetFile ?? '', /FLANNEL_MTU=1350\n/);
  assert.match(host.fabric.join(), /flannel\.1: mtu 1350/);
  assert.equal(fleet.etcd.keyspace.revision, revision);
});

test('a reservation too is told of another address, and stays one', async () => {
  const { fleet, host } = await readyHost();
  const [[name, value] = ['', '']] = [...(await fleet.leases())];
  await fleet.putLease(name, value);
  await fleet.pass(1000);
  host.kernel.setAddresses([hostAddress('10.77.0.77')]);
  await fleet.pass(1000);
  assert.equal((await fleet.leases()).get(name), value.replace('10.77.0.11"', '10.77.0.77"'));
  for (let hour = 0; hour < 72; hour += 1) await fleet.pass(HOUR_MS);
  assert.equal((await fleet.leases()).size, 1);
});

test('with the blackhole the own subnet has one, unless the bridge of the Pods has a route of its own', async () => {
  const fleet = new TestFleet();
  await fleet.configure(NETWORK);
  const host = new TestHost(fleet, 11);
  host.settings = { blackhole: true };
  await host.start();
  const network = host.subnet.replace('.1/', '.0/');
  assert.deepEqual(host.kernel.printRoutes(), [`blackhole ${network}`]);
  const destination = parseCidr(network);
  assert.ok(destination !== undefined);
  host.kernel.addRoute({ destination, linkIndex: 9, gateway: undefined });
  await fleet.pass(1000);
  assert.deepEqual(host.kernel.printRoutes(), []);
});

/** An engine that makes its device in the fake kernel. */
class TestEngine implements Engine {
  readonly identity = 'the key';
  readonly #kernel: MemoryKernel;
  #listener = (): void => undefined;
  passes = 0;
  closed = false;

  constructor(kernel: MemoryKernel) {
    this.#kernel = kernel;
  }

  async converge(wanted: EngineState): Promise<number> {
    this.passes += 1;
    if (wanted.type !== 'wireguard') assert.fail(wanted.type);
    const names = new Set(this.#kernel.host().links.map(({ name }) => name));
    const missing = wanted.devices.filter(({ name }) => !names.has(name));
    for (const [at, { name }] of missing.entries()) {
      this.#kernel.setLink({ index: 90 + at, name, kind: 'wireguard', mtu: 1420, mac: '', up: false });
    }
    return missing.length;
  }

  watch(listener: () => void): void {
    this.#listener = listener;
  }

  changed(): void {
    this.#listener();
  }

  close(): void {
    this.closed = true;
  }
}

test('an engine is opened before the lease, converged before each pass, and what it publishes is in the record', async () => {
  const fleet = new TestFleet();
  await fleet.configure({ ...NETWORK, Backend: { Type: 'wireguard' } });
  const host = new TestHost(fleet, 11);
  const engine = new TestEngine(host.kernel);
  let refusals = 2;
  host.engines = {
    wireguard: () => {
      if (refusals-- > 0) throw new Fault('kernel.no-device', { what: 'not yet' });
      return engine;
    },
  };
  await host.start();
  assert.ok(!host.ready);
  for (let second = 0; second < 5; second += 1) await fleet.pass(1000);
  assert.ok(host.ready, host.logged.join('\n'));
  assert.match(
    [...(await fleet.leases()).values()].join(),
    /"BackendType":"wireguard","BackendData":\{"PublicKey":"the key"/,
  );
  const { passes } = engine;
  engine.changed();
  await fleet.pass(500);
  assert.equal(engine.passes, passes + 1);
  await host.stop();
  assert.ok(engine.closed);
});
