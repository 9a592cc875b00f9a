import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '#agent/leases/lease-builders.ts';
import { parseCidr, parseIp } from '#model/ip.ts';
import { ManualClock } from '#runtime/clock.ts';
import type { Kernel } from './kernel.ts';
import { KERNEL_BEHAVIOURS } from './kernel-compliance.ts';
import { address, cidr, converge, desiredWithPeers, type KernelUnderTest, OWN } from './kernel-under-test.ts';
import { type MemoryHost, MemoryKernel } from './memory-kernel.ts';
import { MirrorKernel } from './mirror-kernel.ts';
import type { ObservedAddress } from './state.ts';

function hostAddress(text: string): ObservedAddress {
  const common = { linkIndex: 2, scope: 0, permanent: true, deprecated: false, temporary: false };
  return { ...common, ...cidr(text) };
}

const IPV6 = hostAddress('fd00:77::1/64');

function host(more: Partial<MemoryHost> = {}): MemoryKernel {
  const eth0 = { index: 2, name: 'eth0', kind: 'veth', mtu: 1500, mac: '02:00:00:00:00:aa', up: true };
  return new MemoryKernel({ links: [eth0], addresses: [hostAddress('192.0.2.1/24'), IPV6], ...more });
}

function underTest(): KernelUnderTest {
  const kernel = host();
  return {
    kernel,
    disturb: (operations) => kernel.disturb(operations),
    addForeignRoute: (destination, gateway) => {
      kernel.addRoute({
        destination: parseCidr(destination) ?? assert.fail(),
        linkIndex: 2,
        gateway: parseIp(gateway),
      });
    },
    addForeignNexthop: (id) => kernel.takeNexthop(id),
    readdress: (text) => kernel.setAddresses([hostAddress(text), IPV6]),
    close: () => kernel.close(),
  };
}

for (const [name, run] of KERNEL_BEHAVIOURS) {
  test(`in memory: ${name}`, async () => {
    await run(underTest());
  });
}

for (const [name, run] of KERNEL_BEHAVIOURS) {
  test(`in a mirror: ${name}`, async () => {
    const memory = underTest();
    const mirror = new MirrorKernel(memory.kernel, new ManualClock());
    const end = mirror.watch(
      () => OWN,
      () => undefined,
    );
    await run({ ...memory, kernel: mirror });
    end();
  });
}

test('a mirror says the same as its kernel after any pass, without looking', () => {
  const memory = host();
  const mirror = new MirrorKernel(memory, new ManualClock());
  mirror.watch(
    () => OWN,
    () => undefined,
  );
  for (const peers of [3, 5, 2, 600, 380, 4]) {
    converge(mirror, desiredWithPeers(peers));
    assert.deepEqual(sortedState(mirror), sortedState(memory), `${peers} peers`);
  }
  const looks = memory.looks;
  mirror.observe(OWN);
  assert.equal(memory.looks, looks);
});

test('a mirror that nothing watches, or that is a minute old, looks again', () => {
  const memory = host();
  const clock = new ManualClock();
  const mirror = new MirrorKernel(memory, clock);
  mirror.observe(OWN);
  mirror.observe(OWN);
  assert.equal(memory.looks, 2);
  mirror.watch(
    () => OWN,
    () => undefined,
  );
  mirror.observe(OWN);
  clock.advance(60_000);
  mirror.observe(OWN);
  assert.equal(memory.looks, 3);
});

test('it prints what an operator would read', () => {
  const kernel = host();
  converge(kernel, desiredWithPeers(1));
  assert.deepEqual(kernel.print('flannel.1'), [
    'flannel.1: mtu 1450 02:00:00:00:00:01 up vxlan id 1',
    'inet 10.244.0.0/32',
    'neigh 10.244.1.0 lladdr 02:11:00:00:00:00 PERMANENT',
    'fdb 02:11:00:00:00:00 dst 198.51.100.1 self permanent',
    'route 10.244.1.0/24 via 10.244.1.0 dev flannel.1 onlink',
  ]);
});

function sortedState(kernel: Kernel): readonly string[] {
  const { ownAddresses, neighbors, fdb, nexthops, routes } = kernel.observe(OWN);
  const own = { ownAddresses, neighbors, fdb, nexthops, routes };
  return Object.entries(own)
    .flatMap(([kind, entries]) => entries.map((entry) => `${kind} ${JSON.stringify(entry)}`))
    .sort();
}
const IPIP = { kind: 'ipip', name: 'flannel.ipip', mtu: 1480, local: address('192.0.2.1') } as const;

test('an IPIP device converges, and one with another local address is made anew', () => {
  const kernel = host();
  const own = {
    devices: [IPIP.name],
    underlay: 'eth0',
    underlayRoutes: 'ours' as const,
    networks: [{ network: cidr('10.244.0.0/16'), subnetLength: 24 }],
    blackholes: false,
    hostRoutes: false,
  };
  const desired = {
    devices: [IPIP],
    addresses: [{ device: IPIP.name, address: address('10.244.0.0'), length: 32 }],
    neighbors: [],
    fdb: [],
    routes: [
      {
        type: 'onlink',
        device: IPIP.name,
        destination: cidr('10.244.1.0/24'),
        gateway: address('192.0.2.11'),
      } as const,
    ],
  };
  converge(kernel, desired, own);
  assert.deepEqual(kernel.print(IPIP.name), [
    'flannel.ipip: mtu 1480 up ipip local 192.0.2.1',
    'inet 10.244.0.0/32',
    'route 10.244.1.0/24 via 192.0.2.11 dev flannel.ipip onlink',
  ]);
  kernel.setAddresses([hostAddress('192.0.2.7/24')]);
  converge(kernel, { ...desired, devices: [{ ...IPIP, local: address('192.0.2.7') }] }, own);
  assert.match(kernel.print(IPIP.name)[0] ?? '', /local 192\.0\.2\.7/);
});

test('a kind of device that the kernel lacks is a Fault that names it', () => {
  const kernel = host({ lacks: ['ipip'] });
  const { failed } = kernel.apply([{ type: 'device-add', device: IPIP }]);
  assert.equal(failed[0]?.fault.code, 'kernel.device-kind');
  assert.match(failed[0]?.fault.summary ?? '', /no devices of kind ipip/);
});

test('from any state of the fabric to any other: peers tunnelled, direct or gone, and then nothing differs', () => {
  const random = seededRandom(17);
  const kernel = host();
  const tunnelled = desiredWithPeers(8);
  for (let step = 0; step < 300; step += 1) {
    const forms = tunnelled.routes.map(() => Math.floor(random() * 3));
    const chosen = (form: number) => (_: unknown, peer: number) => forms[peer] === form;
    const direct = tunnelled.routes
      .filter(chosen(1))
      .map(
        ({ destination }, at) =>
          ({ type: 'gateway', device: 'eth0', destination, gateway: address('192.0.2.20') + at }) as const,
      );
    const desired = {
      ...tunnelled,
      neighbors: tunnelled.neighbors.filter(chosen(0)),
      fdb: tunnelled.fdb.filter(chosen(0)),
      routes: [...tunnelled.routes.filter(chosen(0)), ...direct],
    };
    if (random() < 0.1) kernel.disturb([{ type: 'device-delete', name: 'flannel.1', why: 'test' }]);
    converge(kernel, desired);
    assert.equal(kernel.printRoutes().length, desired.routes.length);
  }
});
