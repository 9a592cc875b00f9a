import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIpv4Cidr } from '#model/cidr.ts';
import { parseIpv4 } from '#model/ipv4.ts';
import type { Route } from '#netlink/route.ts';
import { refuseRoutedSubnet } from './routed-elsewhere.ts';

function route(destination: string, way: Partial<Route>): Route {
  return {
    destination: parseIpv4Cidr(destination) ?? assert.fail(destination),
    linkIndex: 2,
    gateway: undefined,
    nexthop: undefined,
    onlink: false,
    source: undefined,
    protocol: 3,
    scope: 0,
    type: 1,
    priority: 0,
    ...way,
  };
}

const VIA = { gateway: parseIpv4('192.0.2.9') };

for (const [what, taken] of [
  ['a gateway', route('10.1.7.0/24', VIA)],
  ['a nexthop object', route('10.1.7.0/24', { nexthop: 4 })],
  ['several devices', route('10.1.7.0/24', { linkIndex: 0 })],
] as const) {
  test(`a route to the subnet over ${what} is a conflict, told in the words of the script`, () => {
    assert.throws(() => refuseRoutedSubnet('10.1.7.1/24', [taken]), {
      code: 'docker.subnet-routed',
      message: 'Your routing table already contains the subnet: 10.1.7.0/24',
    });
  });
}

test('what only looks like the subnet is no conflict', () => {
  const others = [
    route('110.1.7.0/24', VIA),
    route('10.1.7.0/25', VIA),
    route('10.1.0.0/16', VIA),
    route('10.1.7.0/24', {}),
    route('10.1.7.0/24', { type: 6, linkIndex: 0 }),
  ];
  refuseRoutedSubnet('10.1.7.1/24', others);
  refuseRoutedSubnet('nonsense', others);
});
