import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIpv4 } from '#model/ipv4.ts';
import { converge, desiredWithPeers, KERNEL_BEHAVIOURS } from './kernel-compliance.ts';
import { MemoryKernel } from './memory-kernel.ts';

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
