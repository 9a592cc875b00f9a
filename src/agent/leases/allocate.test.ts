import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatIpv4 } from '#model/ipv4.ts';
import { formatSubnetKey, type SubnetKey } from '#model/subnet-key.ts';
import { type AllocateRequest, allocateSubnet } from './allocate.ts';
import { ipOf, networkOf, seededRandom, subnetOf } from './lease-builders.ts';

const SMALL = networkOf({ Network: '10.5.0.0/16', SubnetMin: '10.5.1.0', SubnetMax: '10.5.4.0' });

function allocate(request: Partial<AllocateRequest>): string | undefined {
  const subnet = allocateSubnet({ network: SMALL, occupied: [], avoid: [], random: Math.random, ...request });
  return subnet && formatSubnetKey(subnet);
}

/** All that chance can make of it. */
function possible(request: Partial<AllocateRequest>): readonly string[] {
  const random = seededRandom(1);
  const found = new Set<string>();
  for (let count = 0; count < 300; count++) found.add(allocate({ ...request, random }) ?? 'full');
  return [...found].sort((a, b) => a.localeCompare(b));
}

test('every subnet from SubnetMin to SubnetMax can come out, and no other', () => {
  assert.deepEqual(possible({}), ['10.5.1.0-24', '10.5.2.0-24', '10.5.3.0-24', '10.5.4.0-24']);
});

test('subnets that overlap a lease of any length are not free', () => {
  assert.deepEqual(possible({ occupied: [subnetOf('10.5.2.64-26'), subnetOf('10.5.4.0-23')] }), [
    '10.5.1.0-24',
    '10.5.3.0-24',
  ]);
  assert.deepEqual(possible({ occupied: [subnetOf('10.5.0.0-22')] }), ['10.5.4.0-24']);
  assert.deepEqual(possible({ occupied: [subnetOf('10.0.0.0-8')] }), ['full']);
  assert.deepEqual(possible({ occupied: [subnetOf('0.0.0.0-0')] }), ['full']);
});

test('a lease with host bits counts with the whole network around it', () => {
  assert.deepEqual(possible({ occupied: [subnetOf('10.5.2.7-23')] }), ['10.5.1.0-24', '10.5.4.0-24']);
});

test('leases outside the network take nothing from it', () => {
  const occupied = [
    subnetOf('10.6.0.0-24'),
    subnetOf('10.4.255.0-24'),
    subnetOf('10.5.0.0-24'),
    subnetOf('10.5.5.0-24'),
  ];
  assert.equal(possible({ occupied }).length, 4);
});

test('subnets that contain addresses of hosts are not given out', () => {
  assert.deepEqual(possible({ avoid: [ipOf('10.5.1.9'), ipOf('10.5.4.255'), ipOf('192.168.0.1')] }), [
    '10.5.2.0-24',
    '10.5.3.0-24',
  ]);
});

test('a full network gives undefined, and the last free subnet is found', () => {
  const occupied = ['10.5.1.0-24', '10.5.2.0-24', '10.5.4.0-24'].map(subnetOf);
  assert.deepEqual(possible({ occupied }), ['10.5.3.0-24']);
  assert.equal(allocate({ occupied: [...occupied, subnetOf('10.5.3.0-24')] }), undefined);
});

test('the choice is uniform', () => {
  const random = seededRandom(7);
  const counts = new Map<string, number>();
  for (let count = 0; count < 4000; count++) {
    const key = allocate({ random }) ?? 'full';
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  for (const [key, count] of counts) assert.ok(Math.abs(count - 1000) < 120, `${key}: ${count}`);
});

test('both families are chosen independently', () => {
  const network = networkOf({
    Network: '10.5.0.0/16',
    SubnetMin: '10.5.1.0',
    SubnetMax: '10.5.2.0',
    EnableIPv6: true,
    IPv6Network: 'fc00::/62',
  });
  const occupied = [subnetOf('10.5.1.0-24&fc00:0:0:2::-64'), subnetOf('10.5.9.0-24')];
  assert.deepEqual(possible({ network, occupied }), ['10.5.2.0-24&fc00:0:0:1::-64', '10.5.2.0-24&fc00:0:0:3::-64']);
  const more = [...occupied, subnetOf('10.5.9.0-24&fc00::-62')];
  assert.deepEqual(possible({ network, occupied: more }), ['full']);
});

test('an IPv6 network with more subnets than numbers can count still gives one inside it', () => {
  const network = networkOf({ Network: '10.5.0.0/16', EnableIPv6: true, IPv6Network: 'fc00::/8', IPv6SubnetLen: 126 });
  const subnet = allocateSubnet({ network, occupied: [], avoid: [], random: () => 0.999999999 });
  assert.ok(subnet?.ipv6 !== undefined);
  assert.equal(subnet.ipv6.address >> 120n, 0xfcn);
  assert.equal(subnet.ipv6.address % 4n, 0n);
});

test('10,000 leases in a /8 with SubnetLen 24 are allocated around in no time', () => {
  const network = networkOf({ Network: '10.0.0.0/8', SubnetLen: 24 });
  const random = seededRandom(3);
  const occupied: SubnetKey[] = [];
  for (let count = 0; count < 10_000; count++) {
    occupied.push({ ipv4: { address: ipOf('10.0.0.0') + Math.floor(random() * 65_536) * 256, length: 24 } });
  }
  const taken = new Set(occupied.map(({ ipv4 }) => formatIpv4(ipv4?.address ?? 0)));
  const started = performance.now();
  for (let count = 0; count < 10; count++) {
    const subnet = allocateSubnet({ network, occupied, avoid: [], random });
    assert.ok(subnet?.ipv4 !== undefined && !taken.has(formatIpv4(subnet.ipv4.address)));
  }
  const each = (performance.now() - started) / 10;
  assert.ok(each < 500, `${each} ms each`);
});
