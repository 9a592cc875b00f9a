import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Lease } from './lease.ts';
import { describeNetworkChange, networkCapacity } from './network-change.ts';
import { type NetworkConfig, parseNetworkConfig } from './network-config.ts';
import { parseSubnetKey } from './subnet-key.ts';

function networkOf(document: object): NetworkConfig {
  const parsed = parseNetworkConfig(JSON.stringify(document));
  assert.ok('config' in parsed);
  return parsed.config;
}

function leaseOf(key: string, publicIp: number, reservation = false): Lease {
  const subnet = parseSubnetKey(key);
  assert.ok(subnet !== undefined);
  const attributes = { publicIp, publicIpv6: null, backendType: 'vxlan' };
  return { subnet, attributes, reservation, created: 1, modified: 1 };
}

const VXLAN = { Network: '10.5.0.0/16', Backend: { Type: 'vxlan' } };
const LEASES = [leaseOf('10.5.1.0-24', 0x0a4d000b), leaseOf('10.5.200.0-24', 0x0a4d000c)];

const RESTART = 'Agents read the document when they start: restart the agent of every host.';

test('capacity counts the subnets from SubnetMin to SubnetMax', () => {
  assert.equal(networkCapacity(networkOf({ Network: '10.5.0.0/16' })), 255);
  assert.equal(networkCapacity(networkOf({ Network: '10.0.0.0/8', SubnetLen: 24 })), 65_535);
  assert.equal(networkCapacity(networkOf({ Network: '10.5.0.0/16', SubnetMin: '10.5.9.0', SubnetMax: '10.5.9.0' })), 1);
  const dual = { Network: '10.5.0.0/16', EnableIPv6: true, IPv6Network: 'fc00::/62' };
  assert.equal(networkCapacity(networkOf(dual)), 3);
});

test('the same network in other words breaks nothing', () => {
  const same = { network: '10.5.0.0/16', SubnetLen: 24, Backend: { Type: 'VXLAN' } };
  assert.deepEqual(describeNetworkChange(networkOf(VXLAN), networkOf(same), LEASES), []);
});

test('a larger network in which every lease fits says only that the network changes', () => {
  const larger = { ...VXLAN, Network: '10.4.0.0/14', SubnetLen: 24 };
  assert.deepEqual(describeNetworkChange(networkOf(VXLAN), networkOf(larger), LEASES), [
    RESTART,
    'The network changes from 10.5.0.0/16 to 10.4.0.0/14: masquerading and routes of every host change.',
  ]);
});

test('leases that no longer fit are named with their host and the reason', () => {
  const narrower = { ...VXLAN, SubnetMax: '10.5.1.0' };
  const sentences = describeNetworkChange(networkOf(VXLAN), networkOf(narrower), LEASES);
  assert.equal(sentences.length, 3);
  assert.equal(sentences[0], RESTART);
  assert.match(
    sentences[1] ?? '',
    /10\.5\.200\.0-24 of host 10\.77\.0\.12 no longer fits \(it is outside SubnetMin 10\.5\.1\.0 to SubnetMax 10\.5\.1\.0\)/,
  );
  assert.equal(sentences[2], 'The new network has 1 subnets, and 2 hosts hold leases now.');
  const reserved = [leaseOf('10.5.200.0-24', 0x0a4d000c, true)];
  assert.match(
    describeNetworkChange(networkOf(VXLAN), networkOf(narrower), reserved)[1] ?? '',
    /the reservation stays/,
  );
});

test('another subnet length moves every host', () => {
  const finer = networkOf({ ...VXLAN, SubnetLen: 25 });
  const sentences = describeNetworkChange(networkOf(VXLAN), finer, LEASES);
  assert.equal(sentences.filter((sentence) => /it is a \/24, SubnetLen is 25/.test(sentence)).length, 2);
});

test('changes of the backend, VNI, port and MTU are told with what they break', () => {
  const other = { ...VXLAN, Backend: { type: 'vxlan', vni: 5, Port: 4789, MTU: 1400 } };
  const sentences = describeNetworkChange(networkOf(VXLAN), networkOf(other), LEASES);
  assert.deepEqual(
    sentences.slice(1).map((sentence) => sentence.split(':')[0]),
    [
      'Backend.VNI changes from its default to 5',
      'Backend.Port changes from its default to 4789',
      'Backend.MTU changes from its default to 1400',
    ],
  );
  const hostGw = { ...VXLAN, Backend: { Type: 'host-gw', VNI: 9 } };
  assert.match(describeNetworkChange(networkOf(VXLAN), networkOf(hostGw), [])[1] ?? '', /from "vxlan" to "host-gw"/);
});
