/**
 * What every Kernel does, as named behaviours: run on the fake (memory-kernel.test.ts) and on the real one in a namespace of
 * its own (test/kernel/netlink-kernel.test.ts).
 */
import assert from 'node:assert/strict';
import { diff } from './diff.ts';
import { FAMILY_BEHAVIOURS } from './kernel-compliance-families.ts';
import { FORMER_BEHAVIOURS } from './kernel-compliance-former.ts';
import { SYSCTL_BEHAVIOURS } from './kernel-compliance-sysctls.ts';
import { UNDERLAY_BEHAVIOURS } from './kernel-compliance-underlay.ts';
import {
  address,
  type Behaviour,
  cidr,
  converge,
  DEVICE,
  desiredWithPeers,
  OWN,
  sorted,
  vxlanDevice,
} from './kernel-under-test.ts';
import { NEXTHOPS_FROM_ROUTES } from './route-form.ts';
import type { DesiredState, GatewayRoute, Operation, RouteEntry } from './state.ts';

export const KERNEL_BEHAVIOURS: readonly Behaviour[] = [
  [
    'the host has its interface, its address and no VXLAN device',
    ({ kernel }) => {
      const host = kernel.host();
      const eth0 = host.links.find((link) => link.name === 'eth0');
      assert.equal(eth0?.mtu, 1500);
      assert.equal(eth0?.up, true);
      assert.ok(host.addresses.some((entry) => entry.address === address('192.0.2.1') && entry.length === 24));
      assert.ok(host.links.every((link) => link.vxlan === undefined));
    },
  ],
  [
    'an empty host converges to device, address and peers, and then nothing differs',
    ({ kernel }) => {
      const desired = desiredWithPeers(3);
      converge(kernel, desired);
      const observed = kernel.observe(OWN);
      assert.deepEqual(sorted(observed.routes), sorted(desired.routes));
      assert.deepEqual(sorted(observed.neighbors), sorted(desired.neighbors));
      assert.deepEqual(sorted(observed.fdb), sorted(desired.fdb));
      assert.deepEqual(observed.ownAddresses, desired.addresses);
      const device = observed.links.find((link) => link.name === DEVICE);
      assert.deepEqual([device?.mtu, device?.mac, device?.up], [1450, '02:00:00:00:00:01', true]);
    },
  ],
  [
    'peers that no lease explains are removed, and the others are not touched',
    ({ kernel }) => {
      converge(kernel, desiredWithPeers(5));
      const fewer = desiredWithPeers(3);
      const operations = diff(fewer, kernel.observe(OWN), OWN);
      assert.equal(operations.length, 6);
      converge(kernel, fewer);
      assert.equal(kernel.observe(OWN).routes.length, 3);
    },
  ],
  [
    'a peer with a new MAC and a new address is replaced in place',
    ({ kernel }) => {
      converge(kernel, desiredWithPeers(2));
      const desired = desiredWithPeers(2);
      const moved = {
        ...desired,
        neighbors: desired.neighbors.map((entry) => ({ ...entry, mac: entry.mac.replace('02:11', '02:22') })),
        fdb: desired.fdb.map((entry) => ({
          ...entry,
          mac: entry.mac.replace('02:11', '02:22'),
          destination: Number(entry.destination) + 8,
        })),
      };
      converge(kernel, moved);
      assert.deepEqual(sorted(kernel.observe(OWN).fdb), sorted(moved.fdb));
    },
  ],
  [
    'a changed MAC loses the neighbours, and they are written again',
    ({ kernel, disturb }) => {
      const desired = desiredWithPeers(2);
      converge(kernel, desired);
      disturb([{ type: 'device-set', name: DEVICE, mac: '02:00:00:00:00:99' }]);
      assert.deepEqual(kernel.observe(OWN).neighbors, []);
      converge(kernel, desired);
      assert.equal(kernel.observe(OWN).neighbors.length, 2);
    },
  ],
  [
    'a new own address takes nothing else away',
    ({ kernel }) => {
      const desired = desiredWithPeers(2);
      converge(kernel, desired);
      const moved = { ...desired, addresses: [{ device: DEVICE, address: address('10.245.0.0'), length: 32 }] };
      const operations = diff(moved, kernel.observe(OWN), OWN);
      assert.equal(operations.length, 2);
      assert.deepEqual(kernel.apply(operations).failed, []);
      assert.deepEqual(diff(moved, kernel.observe(OWN), OWN), []);
    },
  ],
  [
    'the last address removed by another program takes routes and neighbours along, and all is written again',
    ({ kernel, disturb }) => {
      const desired = desiredWithPeers(2);
      converge(kernel, desired);
      const [own] = desired.addresses;
      assert.ok(own !== undefined);
      disturb([{ type: 'address-delete', entry: own }]);
      assert.deepEqual(kernel.observe(OWN).routes, []);
      assert.deepEqual(kernel.observe(OWN).neighbors, []);
      converge(kernel, desired);
    },
  ],
  [
    "a route that another program has to a peer's subnet is not replaced",
    ({ kernel }) => {
      const desired = desiredWithPeers(1);
      converge(kernel, { ...desired, routes: [] });
      const [route] = desired.routes;
      assert.ok(route !== undefined);
      const { failed } = kernel.apply([{ type: 'route-add', entry: { ...route, destination: cidr('192.0.2.0/24') } }]);
      assert.match(failed[0]?.fault.summary ?? '', /EEXIST/);
    },
  ],
  [
    'a device that went down is raised and its routes are written again',
    ({ kernel, disturb }) => {
      const desired = desiredWithPeers(2);
      converge(kernel, desired);
      disturb([{ type: 'device-set', name: DEVICE, up: false }]);
      assert.deepEqual(kernel.observe(OWN).routes, []);
      converge(kernel, desired);
      assert.equal(kernel.observe(OWN).routes.length, 2);
    },
  ],
  [
    'a deleted device comes back with everything on it',
    ({ kernel, disturb }) => {
      const desired = desiredWithPeers(2);
      converge(kernel, desired);
      disturb([{ type: 'device-delete', name: DEVICE, why: 'test' }]);
      converge(kernel, desired);
      assert.equal(kernel.observe(OWN).fdb.length, 2);
    },
  ],
  [
    'a device with other tunnel parameters is made anew',
    ({ kernel }) => {
      converge(kernel, desiredWithPeers(1));
      converge(kernel, desiredWithPeers(1, { port: 4789, vni: 1 }));
      assert.equal(kernel.observe(OWN).links.find((link) => link.name === DEVICE)?.vxlan?.port, 4789);
    },
  ],
  [
    'a large fleet uses nexthop objects, and goes back to plain routes when it is small again',
    ({ kernel }) => {
      converge(kernel, desiredWithPeers(NEXTHOPS_FROM_ROUTES));
      const large = kernel.observe(OWN);
      assert.equal(large.nexthops.length, NEXTHOPS_FROM_ROUTES);
      assert.ok(large.routes.every((route) => gatewayRoute(route).nexthop !== undefined));
      converge(kernel, desiredWithPeers(3));
      const small = kernel.observe(OWN);
      assert.deepEqual(small.nexthops, []);
      assert.deepEqual(sorted(small.routes), sorted(desiredWithPeers(3).routes));
    },
  ],
  [
    'one refused operation does not stop those that follow, and says why',
    ({ kernel }) => {
      const desired = desiredWithPeers(2);
      converge(kernel, { ...desired, routes: [], neighbors: [], fdb: [] });
      const [first, second] = desired.routes;
      assert.ok(first !== undefined && second !== undefined);
      const { applied, failed } = kernel.apply([
        { type: 'route-replace', entry: { ...gatewayRoute(first), nexthop: 4711 } },
        { type: 'route-replace', entry: second },
      ]);
      assert.equal(applied, 1);
      assert.deepEqual(
        failed.map(({ operation }) => operation.type),
        ['route-replace'],
      );
      assert.match(
        failed[0]?.fault.summary ?? '',
        /ip route replace 10\.244\.1\.0\/24 nhid 4711 failed.*Nexthop id does not exist/,
      );
    },
  ],
  [
    'removing what is gone already is success',
    ({ kernel }) => {
      converge(kernel, desiredWithPeers(0));
      const [route] = desiredWithPeers(1).routes;
      const [neighbor] = desiredWithPeers(1).neighbors;
      assert.ok(route !== undefined && neighbor !== undefined);
      const { failed } = kernel.apply([
        { type: 'route-delete', entry: route },
        { type: 'neighbor-delete', entry: neighbor },
      ]);
      assert.deepEqual(failed, []);
    },
  ],
  [
    'a second device with the same VNI is refused in the words of the kernel',
    ({ kernel }) => {
      converge(kernel, desiredWithPeers(0));
      const device = vxlanDevice({ name: 'flannel.x' });
      const { failed } = kernel.apply([{ type: 'device-add', device }]);
      assert.match(failed[0]?.fault.summary ?? '', /A VXLAN device with the specified VNI already exists/);
    },
  ],
  ...(['route', 'neighbor', 'fdb'] as const).map(
    (kind): Behaviour => [
      `a listener hears that another program deleted a ${kind} entry of ours`,
      async ({ kernel, disturb }) => {
        const desired = desiredWithPeers(2);
        converge(kernel, desired);
        const heard = Promise.withResolvers<void>();
        const end = kernel.watch(
          () => OWN,
          () => heard.resolve(),
        );
        const patience = setTimeout(() => heard.reject(new Error('nothing heard')), 2000);
        disturb([deletion(desired, kind)]);
        await heard.promise;
        clearTimeout(patience);
        end();
      },
    ],
  ),
  ...FAMILY_BEHAVIOURS,
  ...UNDERLAY_BEHAVIOURS,
  ...SYSCTL_BEHAVIOURS,
  ...FORMER_BEHAVIOURS,
];

function gatewayRoute(route: RouteEntry): GatewayRoute {
  if (route.type !== 'onlink' && route.type !== 'gateway') assert.fail(`${route.type} is no route by a gateway`);
  return route;
}

function deletion(desired: DesiredState, kind: 'route' | 'neighbor' | 'fdb'): Operation {
  const [[route], [neighbor], [fdb]] = [desired.routes, desired.neighbors, desired.fdb];
  assert.ok(route !== undefined && neighbor !== undefined && fdb !== undefined);
  if (kind === 'route') return { type: 'route-delete', entry: route };
  return kind === 'neighbor' ? { type: 'neighbor-delete', entry: neighbor } : { type: 'fdb-delete', entry: fdb };
}
