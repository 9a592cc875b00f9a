/** The behaviours of a Kernel that concern routes over the underlay, which is not ours, and what else is not ours. */
import assert from 'node:assert/strict';
import { formatIp } from '#model/ip.ts';
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
import type { DesiredState, RouteEntry } from './state.ts';

const OWN_GATEWAYS: Ownership = {
  ...OWN,
  devices: [],
  networks: [...OWN.networks, { network: cidr('fd10::/48'), subnetLength: 64 }],
};

function gatewayRoute(destination: string, gateway: string): RouteEntry {
  const via = gateway.includes(':') ? address6(gateway) : address(gateway);
  return { type: 'gateway', device: 'eth0', destination: cidr(destination), gateway: via };
}

function onlyRoutes(...routes: readonly RouteEntry[]): DesiredState {
  return { devices: [], addresses: [], neighbors: [], fdb: [], routes };
}

const PEER_1 = gatewayRoute('10.244.1.0/24', '192.0.2.11');
const PEER_2 = gatewayRoute('10.244.2.0/24', '192.0.2.12');
const PEER_6 = gatewayRoute('fd10:0:0:1::/64', 'fd00:77::11');

export const UNDERLAY_BEHAVIOURS: readonly Behaviour[] = [
  [
    'routes through hosts on the underlay converge in both families, and those of vanished peers go',
    ({ kernel }) => {
      const desired = onlyRoutes(PEER_1, PEER_2, PEER_6);
      converge(kernel, desired, OWN_GATEWAYS);
      assert.deepEqual(sorted(kernel.observe(OWN_GATEWAYS).routes), sorted(desired.routes));
      converge(kernel, onlyRoutes(PEER_2), OWN_GATEWAYS);
      assert.deepEqual(kernel.observe(OWN_GATEWAYS).routes, [PEER_2]);
      converge(kernel, onlyRoutes(), OWN_GATEWAYS);
      assert.deepEqual(kernel.observe(OWN_GATEWAYS).routes, []);
    },
  ],
  [
    'a peer that moved to another host is routed to there',
    ({ kernel }) => {
      converge(kernel, onlyRoutes(PEER_1), OWN_GATEWAYS);
      const moved = gatewayRoute('10.244.1.0/24', '192.0.2.99');
      converge(kernel, onlyRoutes(moved), OWN_GATEWAYS);
      assert.deepEqual(kernel.observe(OWN_GATEWAYS).routes, [moved]);
    },
  ],
  [
    'on the underlay only plain routes to whole subnets of the network are taken for ours',
    ({ kernel, disturb, addForeignRoute }) => {
      const longer = gatewayRoute('10.244.3.0/25', '192.0.2.13');
      const outside = gatewayRoute('10.99.3.0/24', '192.0.2.13');
      disturb([longer, outside, PEER_2].map((entry) => ({ type: 'route-add', entry }) as const));
      addForeignRoute('10.244.9.0/24', '192.0.2.19');
      const operations = diff(onlyRoutes(PEER_1), kernel.observe(OWN_GATEWAYS), OWN_GATEWAYS);
      assert.deepEqual(operations, [
        { type: 'route-delete', entry: PEER_2 },
        { type: 'route-add', entry: PEER_1 },
      ]);
    },
  ],
  [
    'a peer changes between tunnel and direct route in one step, and nothing of the other form stays',
    ({ kernel }) => {
      const tunnelled = desiredWithPeers(2);
      converge(kernel, tunnelled);
      const direct = { ...tunnelled, routes: [PEER_1, ...tunnelled.routes.slice(1)] };
      converge(kernel, direct);
      assert.deepEqual(sorted(kernel.observe(OWN).routes), sorted(direct.routes));
      converge(kernel, tunnelled);
      assert.deepEqual(sorted(kernel.observe(OWN).routes), sorted(tunnelled.routes));
    },
  ],
  [
    'a gateway that is not on the link is refused, and the other routes are written',
    ({ kernel }) => {
      const far = gatewayRoute('10.244.3.0/24', '198.51.100.3');
      const { applied, failed } = kernel.apply(
        [far, PEER_1].map((entry) => ({ type: 'route-replace', entry }) as const),
      );
      assert.equal(applied, 1);
      assert.match(
        failed[0]?.fault.summary ?? '',
        /ip route replace 10\.244\.3\.0\/24 via 198\.51\.100\.3 dev eth0 failed.*Nexthop has invalid gateway/,
      );
    },
  ],
  [
    'a whole network can be behind a device, with scope link or global',
    ({ kernel }) => {
      const { devices, addresses } = desiredWithPeers(0);
      for (const scope of ['link', 'global'] as const) {
        const route = { type: 'link', device: DEVICE, destination: cidr('10.244.0.0/14'), scope } as const;
        converge(kernel, { ...onlyRoutes(route), devices, addresses });
        assert.deepEqual(kernel.observe(OWN).routes, [route]);
      }
    },
  ],
  [
    'a blackhole is added, found again and removed, in both families',
    ({ kernel }) => {
      const own = { ...OWN_GATEWAYS, blackholes: true };
      const holes = ['10.244.7.0/24', 'fd10:0:0:7::/64'].map(
        (destination) => ({ type: 'blackhole', destination: cidr(destination) }) as const,
      );
      converge(kernel, onlyRoutes(...holes), own);
      assert.deepEqual(sorted(kernel.observe(own).routes), sorted(holes));
      assert.deepEqual(kernel.observe(OWN_GATEWAYS).routes, [], 'not ours unless the operator asked for them');
      converge(kernel, onlyRoutes(), own);
      assert.deepEqual(kernel.observe(own).routes, []);
    },
  ],
  [
    'a blackhole never takes the place of a route that is there',
    ({ kernel, addForeignRoute }) => {
      addForeignRoute('10.244.7.0/24', '192.0.2.17');
      const entry = { type: 'blackhole', destination: cidr('10.244.7.0/24') } as const;
      const { failed } = kernel.apply([{ type: 'route-replace', entry }]);
      assert.match(failed[0]?.fault.summary ?? '', /ip route add blackhole 10\.244\.7\.0\/24 failed.*EEXIST/);
    },
  ],
  [
    "the host's own routes are told when they are asked for: connected ones and those through gateways",
    ({ kernel, addForeignRoute }) => {
      addForeignRoute('203.0.113.0/24', '192.0.2.254');
      converge(kernel, onlyRoutes(PEER_1, PEER_6), OWN_GATEWAYS);
      assert.deepEqual(kernel.observe(OWN_GATEWAYS).hostRoutes, []);
      const { hostRoutes, links } = kernel.observe({ ...OWN_GATEWAYS, hostRoutes: true });
      const eth0 = links.find(({ name }) => name === 'eth0')?.index;
      const over = hostRoutes.filter(({ linkIndex }) => linkIndex === eth0);
      const texts = over.map(
        ({ destination, gateway }) =>
          `${formatIp(destination.address)}/${destination.length}${gateway === undefined ? '' : ` via ${formatIp(gateway)}`}`,
      );
      for (const expected of ['192.0.2.0/24', 'fd00:77::/64', '203.0.113.0/24 via 192.0.2.254']) {
        assert.ok(texts.includes(expected), `${expected} is not in ${texts.join(', ')}`);
      }
      assert.ok(!texts.some((text) => text.startsWith('10.244.') || text.startsWith('fd10:')));
    },
  ],
  [
    "an id that somebody else's nexthop object has is left to it: that one route stays plain",
    ({ kernel, addForeignNexthop }) => {
      const desired = desiredWithPeers(NEXTHOPS_FROM_ROUTES + 1);
      const taken = address('10.244.5.0');
      addForeignNexthop(taken);
      converge(kernel, desired);
      const observed = kernel.observe(OWN);
      assert.deepEqual([...observed.takenNexthops], [taken]);
      const plain = observed.routes.filter((route) => route.type === 'onlink' && route.nexthop === undefined);
      assert.deepEqual(
        plain.map(({ destination }) => formatIp(destination.address)),
        ['10.244.5.0'],
      );
    },
  ],
  [
    'a device whose underlay address changed is made anew, with the same MAC',
    ({ kernel, readdress }) => {
      converge(kernel, desiredWithPeers(2));
      readdress('192.0.2.77/24');
      converge(kernel, desiredWithPeers(2, { local: address('192.0.2.77') }));
      const device = kernel.observe(OWN).links.find(({ name }) => name === DEVICE);
      assert.equal(device?.vxlan?.local, address('192.0.2.77'));
      assert.equal(device?.mac, vxlanDevice().mac);
    },
  ],
  [
    'a listener hears of another address on the underlay',
    async ({ kernel, readdress }) => {
      kernel.observe(OWN);
      let end = (): void => undefined;
      const heard = new Promise<void>((resolve) => {
        end = kernel.watch(
          () => OWN,
          () => resolve(),
        );
      });
      const patience = setTimeout(() => assert.fail('nothing heard'), 2000);
      readdress('192.0.2.77/24');
      await heard;
      clearTimeout(patience);
      end();
      const { addresses } = kernel.host();
      assert.ok(addresses.some((entry) => entry.address === address('192.0.2.77')));
    },
  ],
  [
    'the way to an address is told with its interface and source, and that there is none',
    ({ kernel }) => {
      const { links, reach } = kernel.host(address('192.0.2.9'));
      assert.deepEqual(reach, {
        linkIndex: links.find(({ name }) => name === 'eth0')?.index,
        source: address('192.0.2.1'),
      });
      assert.equal(kernel.host(address6('fd00:77::9')).reach?.source, address6('fd00:77::1'));
      assert.equal(kernel.host(address('198.18.0.1')).reach, undefined);
    },
  ],
];
