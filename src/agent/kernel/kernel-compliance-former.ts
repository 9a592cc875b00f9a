/** The behaviours of a Kernel that concern what another backend left, and the operator's own routes. */
import assert from 'node:assert/strict';
import { diff } from './diff.ts';
import {
  address,
  address6,
  type Behaviour,
  cidr,
  converge,
  DEVICE,
  desiredWithPeers,
  OWN,
  sorted,
  vxlanDevice,
} from './kernel-under-test.ts';
import type { Ownership } from './ownership.ts';
import { NEXTHOPS_FROM_ROUTES } from './route-form.ts';
import type { DesiredState, Operation, RouteEntry } from './state.ts';

/** Of host-gw in dual stack; vxlan ran before. */
const OWN_LATER: Ownership = {
  ...OWN,
  devices: [],
  networks: [...OWN.networks, { network: cidr('fd10::/48'), subnetLength: 64 }],
};
const DEVICE_6 = 'flannel-v6.1';
const NO_STATE: DesiredState = { devices: [], addresses: [], neighbors: [], fdb: [], routes: [] };
const DIRECT: RouteEntry = {
  type: 'gateway',
  device: 'eth0',
  destination: cidr('10.244.1.0/24'),
  gateway: address('192.0.2.11'),
};
const DIRECT_6: RouteEntry = {
  type: 'gateway',
  device: 'eth0',
  destination: cidr('fd10:0:0:1::/64'),
  gateway: address6('fd00:77::11'),
};

function tunnelled(destination: string, device = DEVICE): RouteEntry {
  const { address: gateway, length } = cidr(destination);
  return { type: 'onlink', device, destination: { address: gateway, length }, gateway };
}

function additions(...entries: readonly RouteEntry[]): Operation[] {
  return entries.map((entry) => ({ type: 'route-add', entry }));
}

/** What a vxlan backend makes for IPv6, with two peers. */
function vxlan6(): Operation[] {
  const device = vxlanDevice({ name: DEVICE_6, mac: '02:00:00:00:00:06', local: address6('fd00:77::1'), mtu: 1430 });
  return [
    { type: 'device-add', device },
    { type: 'device-set', name: DEVICE_6, up: true },
    ...additions(tunnelled('fd10:0:0:1::/64', DEVICE_6), tunnelled('fd10:0:0:2::/64', DEVICE_6)),
  ];
}

export const FORMER_BEHAVIOURS: readonly Behaviour[] = [
  [
    'routes through the tunnel of an earlier backend are replaced in place, or removed when nobody wants them',
    ({ kernel, disturb }) => {
      converge(kernel, desiredWithPeers(3));
      disturb(vxlan6());
      const desired = { ...NO_STATE, routes: [DIRECT, DIRECT_6] };
      const operations = diff(desired, kernel.observe(OWN_LATER), OWN_LATER);
      assert.deepEqual(operations.map(({ type }) => type).sort(), [
        ...Array.from({ length: 3 }, () => 'route-delete'),
        ...Array.from({ length: 2 }, () => 'route-replace'),
      ]);
      converge(kernel, desired, OWN_LATER);
      assert.deepEqual(sorted(kernel.observe(OWN_LATER).routes), sorted(desired.routes));
      const both = { ...OWN_LATER, devices: [DEVICE, DEVICE_6] };
      assert.deepEqual(sorted(kernel.observe(both).routes), sorted(desired.routes), 'none is left by the old devices');
      assert.ok(kernel.observe(OWN).links.some(({ name }) => name === DEVICE));
    },
  ],
  [
    'a route to the whole network through the device of an earlier backend is removed',
    ({ kernel }) => {
      const { devices, addresses } = desiredWithPeers(0);
      const route = { type: 'link', device: DEVICE, destination: cidr('10.244.0.0/14'), scope: 'link' } as const;
      converge(kernel, { ...NO_STATE, devices, addresses, routes: [route] });
      converge(kernel, NO_STATE, OWN_LATER);
      assert.deepEqual(kernel.observe(OWN).routes, []);
    },
  ],
  [
    'through the device of an earlier backend, routes outside the network or of another length are not ours',
    ({ kernel, disturb }) => {
      const { devices, addresses } = desiredWithPeers(0);
      converge(kernel, { ...NO_STATE, devices, addresses });
      const others = [tunnelled('10.99.0.0/24'), tunnelled('10.244.3.0/25'), tunnelled('10.246.0.0/15')];
      disturb(additions(...others));
      assert.deepEqual(kernel.observe(OWN_LATER).routes, []);
      converge(kernel, NO_STATE, OWN_LATER);
      assert.deepEqual(sorted(kernel.observe(OWN).routes), sorted(others));
    },
  ],
  [
    'a large fleet moves from one VXLAN device to another, with its nexthop objects, and then away from both',
    ({ kernel }) => {
      const before = desiredWithPeers(NEXTHOPS_FROM_ROUTES);
      converge(kernel, before);
      const device = 'flannel.2';
      const after: DesiredState = {
        devices: [vxlanDevice({ name: device, vni: 2 })],
        addresses: before.addresses.map((entry) => ({ ...entry, device })),
        neighbors: before.neighbors.map((entry) => ({ ...entry, device })),
        fdb: before.fdb.map((entry) => ({ ...entry, device })),
        routes: before.routes.map((entry) => ({ ...entry, device })),
      };
      const own = { ...OWN, devices: [device] };
      converge(kernel, after, own);
      const { routes, nexthops } = kernel.observe(own);
      assert.deepEqual([routes.length, nexthops.length], [NEXTHOPS_FROM_ROUTES, NEXTHOPS_FROM_ROUTES]);
      assert.ok(nexthops.every((entry) => entry.device === device));
      converge(kernel, { ...NO_STATE, routes: [DIRECT] }, OWN_LATER);
      const left = kernel.observe({ ...OWN, devices: [DEVICE, device] });
      assert.deepEqual([left.routes, left.nexthops], [[DIRECT], []]);
    },
  ],
  [
    'a listener hears of a route through the device of an earlier backend',
    async ({ kernel, disturb }) => {
      const { devices, addresses } = desiredWithPeers(0);
      converge(kernel, { ...NO_STATE, devices, addresses });
      // Of IPv4 alone: else the link-local address that the kernel gives the device would be heard as well.
      const own = { ...OWN, devices: [] };
      kernel.observe(own);
      let end = (): void => undefined;
      const heard = new Promise<void>((resolve) => {
        end = kernel.watch(
          () => own,
          () => resolve(),
        );
      });
      const patience = setTimeout(() => assert.fail('nothing heard'), 2000);
      disturb(additions(tunnelled('10.244.1.0/24')));
      await heard;
      clearTimeout(patience);
      end();
    },
  ],
  [
    'where the operator makes the routes, none over the underlay or over a device with a name of ours is ours',
    ({ kernel, disturb }) => {
      converge(kernel, desiredWithPeers(2));
      disturb(additions({ ...DIRECT, destination: cidr('10.244.9.0/24') }));
      const own: Ownership = { ...OWN_LATER, underlayRoutes: 'operators' };
      assert.deepEqual(kernel.observe(own).routes, []);
      assert.deepEqual(diff(NO_STATE, kernel.observe(own), own), []);
      assert.equal(kernel.observe(OWN).routes.length, 3);
    },
  ],
];
