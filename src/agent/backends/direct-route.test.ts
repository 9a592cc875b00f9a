import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIp } from '#model/ip.ts';
import { directRoutes } from './direct-route.ts';
import { hostRoute } from './test-request.ts';

const ETH0 = 2;
const ROUTES = [
  hostRoute('0.0.0.0/0', '10.77.0.1'),
  hostRoute('10.77.0.0/16'),
  hostRoute('10.77.5.0/24', '10.77.0.254'),
  hostRoute('10.77.5.9/32'),
  hostRoute('10.88.0.0/16', undefined, 3),
  hostRoute('10.99.0.0/16', undefined, 0),
  hostRoute('10.66.0.0/16'),
  hostRoute('10.66.0.0/16', '10.77.0.1'),
  hostRoute('fd00:77::/64'),
  hostRoute('::/0', 'fd00:77::1'),
];

for (const [host, expected, why] of [
  ['10.77.3.4', true, 'the connected network'],
  ['10.77.5.4', false, 'a longer route has a gateway'],
  ['10.77.5.9', true, 'a still longer one has none'],
  ['10.88.0.1', false, 'it is on another interface'],
  ['10.99.0.1', false, 'there are several ways, or none'],
  ['10.66.0.1', true, 'of two routes to one network the first counts'],
  ['192.0.2.1', false, 'only the default route leads there'],
  ['fd00:77::9', true, 'the connected network of IPv6'],
  ['fd00:78::9', false, 'only the default route of IPv6 leads there'],
] as const) {
  test(`${host} is ${expected ? '' : 'not '}reached directly: ${why}`, () => {
    assert.equal(directRoutes(ROUTES, ETH0)(parseIp(host) ?? assert.fail(host)), expected);
  });
}

test('without routes nobody is reached directly', () => {
  assert.equal(directRoutes([], ETH0)(0x0a4d0304), false);
});
