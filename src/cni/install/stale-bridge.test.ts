import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parseSubnetEnv } from '#cni/flannel/subnet-env.ts';
import { dockerMisfit, misfit } from './stale-bridge.ts';

const V4 = 'FLANNEL_NETWORK=10.5.0.0/16\nFLANNEL_SUBNET=10.5.17.1/24\n';
const V6 = 'FLANNEL_IPV6_NETWORK=fd00:5::/48\nFLANNEL_IPV6_SUBNET=fd00:5:0:17::1/64\n';
const env = (lines: string) => parseSubnetEnv(`${lines}FLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n`, 'f');
const bridge = (...addresses: readonly string[]) => ({ name: 'cni0', addresses, ports: [] });

suite('a bridge fits', () => {
  const cases: readonly (readonly [string, string, readonly string[]])[] = [
    ['with the first address of the subnet', V4, ['10.5.17.1/24']],
    ['with that of both families', V4 + V6, ['10.5.17.1/24', 'fd00:5:0:17::1/64']],
    ['before IPv6 has come', V4 + V6, ['10.5.17.1/24']],
    ['with an address of a family that the fabric has not', V4, ['10.5.17.1/24', 'fd99::1/64']],
  ];
  for (const [name, lines, addresses] of cases) {
    test(name, () => assert.equal(misfit(bridge(...addresses), env(lines)), undefined));
  }
});

suite('a bridge does not fit', () => {
  const cases: readonly (readonly [string, string, readonly string[], RegExp])[] = [
    [
      'with the address of a former subnet',
      V4,
      ['10.5.3.1/24'],
      /it has 10\.5\.3\.1\/24, the subnet file wants 10\.5\.17\.1\/24/,
    ],
    ['with a second address', V4, ['10.5.17.1/24', '10.5.3.1/24'], /it has 10\.5\.3\.1\/24/],
    ['with another length', V4, ['10.5.17.1/16'], /it has 10\.5\.17\.1\/16/],
    ['with the IPv6 address of a former subnet', V4 + V6, ['10.5.17.1/24', 'fd00:5:0:3::1/64'], /it has fd00:5:0:3::1/],
    ['with an address of another family alone', V4, ['fd99::1/64'], /it has no address/],
    ['without an address', V4, [], /it has no address, the subnet file wants 10\.5\.17\.1\/24/],
  ];
  for (const [name, lines, addresses, words] of cases) {
    test(name, () => assert.match(misfit(bridge(...addresses), env(lines)) ?? '', words));
  }
});

test("docker's bridge is looked at only when its address is of the fabric", () => {
  assert.equal(dockerMisfit(bridge('172.17.0.1/16'), env(V4)), undefined);
  assert.equal(dockerMisfit(bridge(), env(V4)), undefined);
  assert.equal(dockerMisfit(bridge('10.5.17.1/24'), env(V4)), undefined);
  assert.match(dockerMisfit(bridge('10.5.3.1/24'), env(V4)) ?? '', /it has 10\.5\.3\.1\/24/);
});
