import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Backend, DesiredRequest } from '#agent/backends/backend.ts';
import { attributesOf, ipOf, leaseOf, networkOf } from '#agent/leases/lease-builders.ts';
import { udpBackend } from './backend.ts';

const UNDERLAY = {
  name: 'eth0',
  index: 2,
  mtu: 1500,
  ipv4: { address: ipOf('192.0.2.1'), publicIp: ipOf('203.0.113.1') },
};

function open(document: object): ReturnType<typeof udpBackend.open> {
  return udpBackend.open(networkOf({ Network: '10.5.0.0/16', ...document }));
}

function backendOf(document: object = {}): Backend {
  const opened = open(document);
  assert.ok('backend' in opened, JSON.stringify(opened));
  return opened.backend;
}

function request(more: Partial<DesiredRequest> = {}): DesiredRequest {
  return { underlay: UNDERLAY, identity: { macs: {} }, own: undefined, leases: [], hostRoutes: [], ...more };
}

test('a network document without Backend is udp at port 8285', () => {
  assert.equal(networkOf({ Network: '10.5.0.0/16' }).backend.type, 'udp');
  const { engine } = backendOf().desired(request());
  assert.ok(engine?.type === 'udp');
  assert.equal(engine.port, 8285);
});

test('the lease has neither type nor data', () => {
  const backend = backendOf();
  assert.equal(backend.leaseType, '');
  assert.deepEqual(backend.leaseData({ macs: {} }), {});
});

test('the MTU leaves room for the outer IPv4 and UDP headers', () => {
  assert.equal(backendOf().mtu(UNDERLAY), 1472);
  assert.equal(backendOf().refuseUnderlay({ ...UNDERLAY, mtu: 96 }), undefined);
  assert.match(backendOf().refuseUnderlay({ ...UNDERLAY, mtu: 95 }) ?? '', /MTU 95 leaves 67 bytes/);
});

test('before there is a lease only the device is wanted', () => {
  const { state, engine } = backendOf().desired(request());
  const devices = [{ kind: 'tun', name: 'flannel0', mtu: 1472 }];
  assert.deepEqual(state, { devices, addresses: [], neighbors: [], fdb: [], routes: [] });
  const local = ipOf('192.0.2.1');
  const wanted = { type: 'udp', device: 'flannel0', mtu: 1472, local, port: 8285, own: undefined, peers: [] };
  assert.deepEqual(engine, wanted);
});

test('with a lease the device has its base address and the whole network behind it', () => {
  const own = leaseOf('10.5.1.0-24', '203.0.113.1');
  const leases = [leaseOf('10.5.2.0-24', '192.0.2.2'), leaseOf('10.5.3.0-24', '192.0.2.3')];
  const { state, engine, refused } = backendOf({ Backend: { Type: 'udp', pORT: 9000 } }).desired(
    request({ own, leases }),
  );
  assert.deepEqual(state.addresses, [{ device: 'flannel0', address: ipOf('10.5.1.0'), length: 32 }]);
  const destination = { address: ipOf('10.5.0.0'), length: 16 };
  assert.deepEqual(state.routes, [{ type: 'link', device: 'flannel0', destination, scope: 'global' }]);
  assert.ok(engine?.type === 'udp');
  assert.equal(engine.port, 9000);
  assert.equal(engine.own, ipOf('10.5.1.0'));
  assert.deepEqual(engine.peers, [
    { subnet: { address: ipOf('10.5.2.0'), length: 24 }, host: ipOf('192.0.2.2') },
    { subnet: { address: ipOf('10.5.3.0'), length: 24 }, host: ipOf('192.0.2.3') },
  ]);
  assert.deepEqual(refused, []);
});

test('a peer without an address, or with ours, is refused and harms nobody else', () => {
  const addresses = ['0.0.0.0', '192.0.2.1', '203.0.113.1', '192.0.2.9'];
  const leases = addresses.map((address, at) => leaseOf(`10.5.${at + 2}.0-24`, address));
  const { engine, refused } = backendOf().desired(request({ own: leaseOf('10.5.1.0-24', '203.0.113.1'), leases }));
  assert.ok(engine?.type === 'udp');
  assert.deepEqual(
    engine.peers.map(({ host }) => host),
    [ipOf('192.0.2.9')],
  );
  assert.deepEqual(
    refused.map(({ reason }) => reason.replace(/:.*/, '')),
    [
      'it has no PublicIP to send packets to',
      "PublicIP 192.0.2.1 is this host's own",
      "PublicIP 203.0.113.1 is this host's own",
    ],
  );
});

test('every wrong option is named with its value', () => {
  for (const port of [0, -1, 65_536, 8285.5, '8285', true, [], { a: 1 }]) {
    const opened = open({ Backend: { Type: 'udp', Port: port } });
    assert.deepEqual(opened, {
      problems: [
        { field: 'Backend.Port', value: JSON.stringify(port), reason: 'must be a whole number from 1 to 65535' },
      ],
    });
  }
});

test('IPv6 is refused with what to use instead', () => {
  const opened = open({ EnableIPv6: true, IPv6Network: 'fd00:5::/48', Backend: { Type: 'udp', Port: 0 } });
  assert.ok('problems' in opened);
  assert.deepEqual(
    opened.problems.map(({ field }) => field),
    ['Backend.Port', 'EnableIPv6'],
  );
  assert.match(opened.problems[1]?.reason ?? '', /use vxlan, host-gw or wireguard/);
});

test('what other backends have published does not matter', () => {
  const lease = { ...leaseOf('10.5.2.0-24', '192.0.2.2'), attributes: attributesOf('192.0.2.2') };
  const { engine } = backendOf().desired(request({ own: leaseOf('10.5.1.0-24', '192.0.2.1'), leases: [lease] }));
  assert.equal(engine?.type === 'udp' && engine.peers.length, 1);
});
