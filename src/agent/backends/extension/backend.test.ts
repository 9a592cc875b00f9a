import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Backend, DesiredRequest } from '#agent/backends/backend.ts';
import { ip6Of, ipOf, leaseOf, networkOf } from '#agent/leases/lease-builders.ts';
import type { Json, Lease } from '#model/lease.ts';
import { extensionBackend } from './backend.ts';

const UNDERLAY = {
  name: 'eth0',
  index: 2,
  mtu: 1500,
  ipv4: { address: ipOf('192.0.2.1'), publicIp: ipOf('192.0.2.1') },
};

function open(options: object, more: object = {}): ReturnType<typeof extensionBackend.open> {
  const document = { Network: '10.5.0.0/16', Backend: { Type: 'extension', ...options }, ...more };
  return extensionBackend.open(networkOf(document));
}

function backendOf(options: object = {}, more: object = {}): Backend {
  const opened = open(options, more);
  assert.ok('backend' in opened, JSON.stringify(opened));
  return opened.backend;
}

function request(more: Partial<DesiredRequest> = {}): DesiredRequest {
  return { underlay: UNDERLAY, identity: { macs: {} }, own: undefined, leases: [], hostRoutes: [], ...more };
}

function publishing(subnet: string, publicIp: string, backendData?: Json): Lease {
  const attributes = { publicIp: ipOf(publicIp), publicIpv6: null, backendType: 'extension' };
  return leaseOf(subnet, publicIp, {
    attributes: backendData === undefined ? attributes : { ...attributes, backendData },
  });
}

test('the lease holds what the engine tells, as a JSON string; nothing when there is nothing to tell', () => {
  const backend = backendOf();
  assert.equal(backend.leaseType, 'extension');
  const identity = backend.identify({
    recorded: undefined,
    links: [],
    randomMacs: { ipv4: '', ipv6: '' },
    published: '',
  });
  assert.deepEqual(backend.leaseData(identity), { ipv4: '' });
  assert.deepEqual(backend.leaseData({ macs: {}, published: 'key' }), { ipv4: 'key' });
  assert.deepEqual(backend.leaseData({ macs: {} }), {});
});

test('the MTU is the one of the interface, and the kernel is left alone', () => {
  const backend = backendOf({ SubnetAddCommand: 'add' });
  assert.equal(backend.mtu(UNDERLAY), 1500);
  assert.deepEqual(backend.devices, []);
  const state = { devices: [], addresses: [], neighbors: [], fdb: [], routes: [] };
  assert.deepEqual(backend.desired(request()), { state, refused: [] });
});

test('the engine gets the commands as written, the own lease and the peers as text', () => {
  const backend = backendOf({ POSTStartupCommand: ' up  $SUBNET ', subnetaddcommand: 'add', PreStartupCommand: '  ' });
  const leases = [publishing('10.5.2.0-24', '192.0.2.2', 'key'), publishing('10.5.3.0-24', '192.0.2.3')];
  const { engine } = backend.desired(request({ own: publishing('10.5.1.0-24', '192.0.2.1'), leases }));
  const own = { subnet: '10.5.1.0/24', ipv6Subnet: '', publicIp: '192.0.2.1', publicIpv6: '' };
  assert.deepEqual(engine, {
    type: 'extension',
    commands: { preStartup: undefined, postStartup: ' up  $SUBNET ', subnetAdd: 'add', subnetRemove: undefined },
    own: { ...own, network: '10.5.0.0/16' },
    peers: [
      { ...own, subnet: '10.5.2.0/24', publicIp: '192.0.2.2', data: 'key' },
      { ...own, subnet: '10.5.3.0/24', publicIp: '192.0.2.3', data: '' },
    ],
  });
});

test('both families are told where there are both', () => {
  const backend = backendOf({}, { EnableIPv6: true, IPv6Network: 'fd00:5::/48' });
  const attributes = { publicIp: ipOf('192.0.2.1'), publicIpv6: ip6Of('2001:db8::1'), backendType: 'extension' };
  const own = leaseOf('10.5.1.0-24&fd00:5:0:1::-64', '192.0.2.1', { attributes });
  const { engine } = backend.desired(request({ own }));
  assert.deepEqual(engine?.type === 'extension' && engine.own, {
    network: '10.5.0.0/16',
    subnet: '10.5.1.0/24',
    ipv6Subnet: 'fd00:5:0:1::/64',
    publicIp: '192.0.2.1',
    publicIpv6: '2001:db8::1',
  });
});

test('a peer whose data is no string is refused', () => {
  const leases = [publishing('10.5.2.0-24', '192.0.2.2', { key: 1 }), publishing('10.5.3.0-24', '192.0.2.3', 'key')];
  const { engine, refused } = backendOf().desired(request({ own: publishing('10.5.1.0-24', '192.0.2.1'), leases }));
  assert.deepEqual(
    refused.map(({ lease, reason }) => [lease === leases[0], reason]),
    [[true, 'BackendData is no string']],
  );
  assert.equal(engine?.type === 'extension' && engine.peers.length, 1);
});

test('every command that is none is named', () => {
  const opened = open({
    PreStartupCommand: 7,
    PostStartupCommand: ['a'],
    SubnetAddCommand: 'x'.repeat(4_097),
    SubnetRemoveCommand: 'a\0b',
  });
  assert.deepEqual(
    'problems' in opened && opened.problems.map(({ field, value, reason }) => `${field} ${value}: ${reason}`),
    [
      'Backend.PreStartupCommand 7: must be a string',
      'Backend.PostStartupCommand ["a"]: must be a string',
      'Backend.SubnetAddCommand : must not be longer than 4096 characters',
      'Backend.SubnetRemoveCommand : must not hold a NUL character',
    ],
  );
});
