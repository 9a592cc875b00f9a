import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIpv4 } from '#model/ipv4.ts';
import { ManualClock } from '#runtime/clock.ts';
import type { Kernel } from './kernel.ts';
import { converge, desiredWithPeers, KERNEL_BEHAVIOURS, OWN } from './kernel-compliance.ts';
import { MemoryKernel } from './memory-kernel.ts';
import { MirrorKernel } from './mirror-kernel.ts';

const ADDRESS = parseIpv4('192.0.2.1') ?? assert.fail();

function host(): MemoryKernel {
  const eth0 = { index: 2, name: 'eth0', kind: 'veth', mtu: 1500, mac: '02:00:00:00:00:aa', up: true };
  const common = { scope: 0, permanent: true, deprecated: false, temporary: false };
  const address = { linkIndex: 2, address: ADDRESS, length: 24, ...common };
  return new MemoryKernel({ links: [eth0], addresses: [address], defaultRoutes: { ipv4: 2 } });
}

for (const [name, run] of KERNEL_BEHAVIOURS) {
  test(`in memory: ${name}`, async () => {
    const kernel = host();
    await run({ kernel, disturb: (operations) => kernel.disturb(operations), close: () => kernel.close() });
  });
}

for (const [name, run] of KERNEL_BEHAVIOURS) {
  test(`in a mirror: ${name}`, async () => {
    const memory = host();
    const mirror = new MirrorKernel(memory, new ManualClock());
    const end = mirror.watch(
      () => OWN,
      () => undefined,
    );
    await run({ kernel: mirror, disturb: (operations) => memory.disturb(operations), close: end });
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
