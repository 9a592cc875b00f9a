/** The LeaseStore on Kubernetes against an API server of the test's own: what it writes, whom it takes for a peer, what it notices. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { keepLease } from '#agent/leases/keep-lease.ts';
import type { KubeLeaseStore } from '#agent/leases/kube-store.ts';
import { attributesOf, dualAttributesOf, networkOf } from '#agent/leases/lease-builders.ts';
import { PeerView } from '#agent/leases/peer-view.ts';
import type { LeaseAttributes } from '#model/lease.ts';
import { formatSubnetKey } from '#model/subnet-key.ts';
import { Fault } from '#runtime/fault.ts';
import {
  acquire,
  faultOf,
  leaseText,
  NET_CONF,
  NETWORK,
  OWN,
  openStore,
  populate,
  putPeer,
  Told,
  temporaryDirectory,
  until,
} from './kube-fixture.ts';
import { flannelAnnotations, nodeObject, podObject } from './kube-objects.ts';
import { KubeServer } from './kube-server.ts';

const DUAL_NETWORK = networkOf({
  Network: '10.244.0.0/16',
  EnableIPv6: true,
  IPv6Network: 'fd00:10:244::/56',
  Backend: { Type: 'vxlan' },
});
const DAY = 86_400;

/** A store that has its lease and watches. */
async function watching(
  t: TestContext,
  server: KubeServer,
  attributes: LeaseAttributes = OWN,
  network = NETWORK,
): Promise<{ readonly store: KubeLeaseStore; readonly told: Told }> {
  const store = await openStore(t, server.url);
  const { snapshot } = await acquire(store, attributes, network);
  const told = Told.watch(t, store, snapshot.revision);
  await until('the watch stands', () => server.watches === 1);
  return { store, told };
}

test('the network document is the file, read each time', async (t) => {
  const server = await KubeServer.start(t);
  const store = await openStore(t, server.url);
  assert.equal(await store.config(), NET_CONF);
  const networkFile = join(temporaryDirectory(t), 'net-conf.json');
  const lost = await openStore(t, server.url, { networkFile });
  const fault = await faultOf(lost.config());
  assert.equal(fault.code, 'network.unreadable');
  assert.equal(fault.summary, `failed to read net conf (${networkFile}): no such file`);
});

test('a node without any annotation gets exactly those of flannel', async (t) => {
  const server = await KubeServer.start(t);
  populate(server);
  const store = await openStore(t, server.url);
  const { lease, snapshot } = await acquire(store);
  assert.equal(leaseText(lease), '10.244.1.0-24 10.77.0.11');
  assert.equal(lease.reservation, true);
  assert.deepEqual(snapshot.leases.map(leaseText), ['10.244.2.0-24 10.77.0.12', '10.244.1.0-24 10.77.0.11']);
  assert.deepEqual(server.node('host1').metadata.annotations, {
    'flannel.alpha.coreos.com/kube-subnet-manager': 'true',
    'flannel.alpha.coreos.com/backend-type': 'vxlan',
    'flannel.alpha.coreos.com/public-ip': '10.77.0.11',
    'flannel.alpha.coreos.com/backend-data': '{"VNI":1,"VtepMAC":"8a:1b:af:8c:b2:78"}',
  });
  assert.equal(server.patches.length, 1);
  assert.equal(server.patches[0]?.contentType, 'application/strategic-merge-patch+json');
  assert.deepEqual(
    server.requests.filter((line) => line.startsWith('PATCH')),
    ['PATCH /api/v1/nodes/host1/status'],
  );
});

test('flannel finds its MAC again in the text that we write', async (t) => {
  const server = await KubeServer.start(t);
  populate(server);
  await acquire(await openStore(t, server.url));
  const text = server.annotation('host1', 'backend-data') ?? '';
  assert.equal(text.replace(/^["}]+|["}]+$/g, '').split(':"')[1], '8a:1b:af:8c:b2:78');
});

test('nothing is written when the node says it all already', async (t) => {
  const server = await KubeServer.start(t);
  populate(server);
  await acquire(await openStore(t, server.url));
  const restarted = await openStore(t, server.url);
  const { own } = await restarted.list();
  assert.ok(!(own.lease instanceof Fault));
  assert.deepEqual(own.lease.attributes, OWN);
  await acquire(restarted);
  assert.equal(server.patches.length, 1);
});

test('only what differs is written, and only if the node is still the same', async (t) => {
  const server = await KubeServer.start(t);
  populate(server);
  const store = await openStore(t, server.url);
  const { lease } = await acquire(store);
  await store.renew(lease, attributesOf('10.77.0.99'));
  assert.deepEqual(server.patches[1]?.body, {
    metadata: {
      uid: server.node('host1').metadata.uid,
      annotations: { 'flannel.alpha.coreos.com/public-ip': '10.77.0.99' },
    },
  });
});

test('dual stack writes both families, a backend without data the word null, and IPv4 alone takes the other away', async (t) => {
  const server = await KubeServer.start(t);
  server.put(nodeObject('host1', { podCidrs: ['10.244.1.0/24', 'fd00:10:244:1::/64'] }));
  const store = await openStore(t, server.url);
  const { lease } = await acquire(store, dualAttributesOf('10.77.0.11', 'fd00:77::11'), DUAL_NETWORK);
  assert.equal(formatSubnetKey(lease.subnet), '10.244.1.0-24&fd00:10:244:1::-64');
  assert.equal(server.annotation('host1', 'public-ipv6'), 'fd00:77::11');
  assert.equal(server.annotation('host1', 'backend-v6-data'), '{"VNI":1,"VtepMAC":"8e:1b:af:8c:b2:78"}');
  const hostGw = { publicIp: OWN.publicIp, publicIpv6: 0xfd00n << 112n, backendType: 'host-gw' };
  await acquire(await openStore(t, server.url), hostGw, DUAL_NETWORK);
  assert.equal(server.annotation('host1', 'backend-data'), 'null');
  assert.equal(server.annotation('host1', 'backend-v6-data'), 'null');
  await acquire(await openStore(t, server.url));
  assert.equal(server.annotation('host1', 'backend-v6-data'), undefined);
  assert.equal(server.annotation('host1', 'public-ipv6'), undefined);
});

test('a network of IPv4 alone takes only that half of a dual-stack podCIDR', async (t) => {
  const server = await KubeServer.start(t);
  server.put(nodeObject('host1', { podCidrs: ['fd00:10:244:1::/64', '10.244.1.0/24'] }));
  const { lease } = await acquire(await openStore(t, server.url));
  assert.equal(formatSubnetKey(lease.subnet), '10.244.1.0-24');
});

for (const [sentence, podCidrs, message] of [
  ['a node without podCIDR', [], 'node "host1" pod cidr not assigned'],
  [
    'more than two podCIDRs',
    ['10.244.1.0/24', '10.244.2.0/24', 'fd00::/64'],
    'node "host1" pod cidrs should be IPv4/IPv6 only or dualstack: it has 3',
  ],
  [
    'a podCIDR outside the network',
    ['10.42.1.0/24'],
    'subnet "10.244.0.0/16" specified in the flannel net config doesn\'t contain "10.42.1.0/24" PodCIDR of the "host1" node',
  ],
  [
    'a podCIDR that is larger than the network',
    ['10.244.0.0/15'],
    'subnet "10.244.0.0/16" specified in the flannel net config doesn\'t contain "10.244.0.0/15" PodCIDR of the "host1" node',
  ],
  [
    'a podCIDR of the other family alone',
    ['fd00:10:244:1::/64'],
    'the node "host1" has no IPv4 podCIDR, and EnableIPv4 is true in the network configuration',
  ],
] as const) {
  test(`${sentence} is an error that says so`, async (t) => {
    const server = await KubeServer.start(t);
    server.put(nodeObject('host1', { podCidrs }));
    const fault = await faultOf(acquire(await openStore(t, server.url)));
    assert.equal(fault.code, 'kube.pod-cidr');
    assert.equal(fault.message, message);
    assert.equal(server.patches.length, 0);
  });
}

test('a node that does not exist is an error that names it', async (t) => {
  const server = await KubeServer.start(t);
  putPeer(server, 2);
  const store = await openStore(t, server.url);
  const fault = await faultOf(acquire(store));
  assert.equal(fault.code, 'kube.not-found');
  assert.equal(fault.message, 'there is no node "host1"');
  assert.equal((await faultOf(store.publicIps())).message, 'there is no node "host1"');
});

test('the node name comes from the Pod when NODE_NAME is not set', async (t) => {
  const server = await KubeServer.start(t);
  populate(server);
  server.putPod('kube-flannel', 'kube-flannel-ds-7k2xq', podObject('kube-flannel', 'kube-flannel-ds-7k2xq', 'host1'));
  const environment = { POD_NAME: 'kube-flannel-ds-7k2xq', POD_NAMESPACE: 'kube-flannel' };
  const { lease } = await acquire(await openStore(t, server.url, { environment }));
  assert.equal(leaseText(lease), '10.244.1.0-24 10.77.0.11');
  const other = await openStore(t, server.url, { environment: { ...environment, POD_NAME: 'none' } });
  assert.equal((await faultOf(other.list())).message, 'there is no Pod "kube-flannel/none"');
  const fault = await faultOf(openStore(t, server.url, { environment: { POD_NAME: 'x' } }));
  assert.equal(fault.code, 'kube.environment');
  assert.equal(fault.message, 'env variables POD_NAME and POD_NAMESPACE must be set');
});

test('public-ip-overwrite is what is published, and the node is in order with it', async (t) => {
  const server = await KubeServer.start(t);
  populate(server);
  server.annotate('host1', { 'public-ip-overwrite': '203.0.113.7' });
  const { told, store } = await watching(t, server);
  assert.equal(server.annotation('host1', 'public-ip'), '203.0.113.7');
  server.annotate('host1', { 'public-ip-overwrite': '203.0.113.8' });
  await until('the new overwrite is noticed', () => told.texts.length > 0);
  assert.deepEqual(told.texts, ['put 10.244.1.0-24 203.0.113.7']);
  await acquire(store);
  assert.equal(server.annotation('host1', 'public-ip'), '203.0.113.8');
  server.annotate('host1', { 'public-ip-overwrite': 'my.host' });
  const fault = await faultOf(acquire(store));
  assert.equal(fault.code, 'kube.annotation');
  assert.equal(
    fault.message,
    'the annotation flannel.alpha.coreos.com/public-ip-overwrite is no IPv4 address: "my.host"',
  );
});

test('node-public-ip and node-public-ipv6 are told', async (t) => {
  const server = await KubeServer.start(t);
  populate(server);
  const store = await openStore(t, server.url);
  assert.deepEqual(await store.publicIps(), {});
  server.annotate('host1', { 'node-public-ip': '198.51.100.4', 'node-public-ipv6': '2001:db8::4' });
  assert.deepEqual(await store.publicIps(), { ipv4: 0xc6336404, ipv6: (0x20010db8n << 96n) | 4n });
  server.annotate('host1', { 'node-public-ip': '2001:db8::4' });
  assert.equal((await faultOf(store.publicIps())).code, 'kube.annotation');
});

test('the condition NetworkUnavailable becomes False, beside the others', async (t) => {
  const server = await KubeServer.start(t);
  populate(server);
  const store = await openStore(t, server.url);
  await store.markNetworkAvailable();
  const conditions = server.node('host1').status.conditions;
  assert.equal(conditions.length, 5);
  const { lastHeartbeatTime, lastTransitionTime, ...rest } = conditions.at(-1) ?? { type: '' };
  assert.deepEqual(rest, {
    type: 'NetworkUnavailable',
    status: 'False',
    reason: 'FlannelIsUp',
    message: 'Flannel is running on this node',
  });
  assert.match(String(lastHeartbeatTime), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assert.equal(lastTransitionTime, lastHeartbeatTime);
});

test('peers come, change and go; what else nodes report is no event', async (t) => {
  const server = await KubeServer.start(t);
  populate(server);
  const { told } = await watching(t, server);
  for (let beat = 0; beat < 5; beat += 1) {
    server.heartbeat('host1');
    server.heartbeat('host2');
  }
  putPeer(server, 3);
  server.annotate('host2', { 'backend-data': '{"VNI":1,"VtepMAC":"aa:bb:cc:00:00:01"}' });
  server.delete('host3');
  await until('all is told', () => told.count('gone') === 1);
  assert.deepEqual(told.texts, ['put 10.244.3.0-24 10.77.0.13', 'put 10.244.2.0-24 10.77.0.12', 'gone 10.244.3.0-24']);
});

test('in dual stack a change of either family alone is told', async (t) => {
  const server = await KubeServer.start(t);
  server.put(nodeObject('host1', { podCidrs: ['10.244.1.0/24', 'fd00:10:244:1::/64'] }));
  const v6 = {
    'flannel.alpha.coreos.com/public-ipv6': 'fd00:77::12',
    'flannel.alpha.coreos.com/backend-v6-data': '{"VNI":1,"VtepMAC":"aa:bb:cc:00:00:06"}',
  };
  server.put(
    nodeObject('host2', {
      podCidrs: ['10.244.2.0/24', 'fd00:10:244:2::/64'],
      annotations: { ...flannelAnnotations('10.77.0.12'), ...v6 },
    }),
  );
  const { told } = await watching(t, server, dualAttributesOf('10.77.0.11', 'fd00:77::11'), DUAL_NETWORK);
  server.annotate('host2', { 'backend-v6-data': '{"VNI":1,"VtepMAC":"aa:bb:cc:00:00:07"}' });
  await until('the IPv6 change is told', () => told.count('put') === 1);
  server.annotate('host2', { 'public-ip': '10.77.0.112' });
  await until('the IPv4 change is told', () => told.count('put') === 2);
});

test('a new podCIDR of a peer and annotations that are removed are noticed', async (t) => {
  const server = await KubeServer.start(t);
  populate(server, 2);
  const { told } = await watching(t, server);
  putPeer(server, 2, '10.244.200.0/24');
  server.annotate('host3', { 'kube-subnet-manager': null });
  await until('all is told', () => told.texts.length >= 3);
  assert.deepEqual(told.texts, ['gone 10.244.2.0-24', 'put 10.244.200.0-24 10.77.0.12', 'gone 10.244.3.0-24']);
});

test('a peer whose annotations turn unreadable is reported and keeps its last good lease', async (t) => {
  const server = await KubeServer.start(t);
  populate(server);
  const { told } = await watching(t, server);
  server.annotate('host2', { 'backend-data': '{"VNI":1},"PublicIP":"1.2.3.4"' });
  server.annotate('host2', { 'public-ip': 'nowhere', 'backend-data': 'null' });
  server.delete('host2');
  await until('all is told', () => told.count('gone') === 1);
  assert.deepEqual(told.texts, [
    'rejected node host2: the annotation flannel.alpha.coreos.com/backend-data is not valid JSON',
    'rejected node host2: PublicIP is not an IPv4 address: "nowhere"',
    'gone 10.244.2.0-24',
  ]);
});

test('of two nodes with one podCIDR the older has it, and the other gets it when that goes', async (t) => {
  const server = await KubeServer.start(t);
  populate(server);
  const { told } = await watching(t, server);
  putPeer(server, 3, '10.244.2.0/24');
  server.delete('host2');
  await until('the other has it', () => told.count('put') === 1);
  assert.deepEqual(told.texts, [
    'rejected node host3: the older node host2 has its podCIDR 10.244.2.0-24',
    'put 10.244.2.0-24 10.77.0.13',
  ]);
});

test('another node with our podCIDR does not touch our lease', async (t) => {
  const server = await KubeServer.start(t);
  populate(server);
  const { told } = await watching(t, server);
  putPeer(server, 3, '10.244.1.0/24');
  server.delete('host3');
  putPeer(server, 4);
  await until('all is told', () => told.count('put') === 1);
  assert.deepEqual(told.texts, [
    'rejected node host3: its podCIDR is the one of this host',
    'put 10.244.4.0-24 10.77.0.14',
  ]);
});

test('our own write and older reports of our node are no news', async (t) => {
  const server = await KubeServer.start(t);
  populate(server);
  const store = await openStore(t, server.url);
  const listed = await store.list();
  // Between the listing and our write: the watch tells it afterwards.
  server.heartbeat('host1');
  assert.ok(!(listed.own.lease instanceof Fault));
  await store.renew(listed.own.lease, OWN);
  const told = Told.watch(t, store, listed.revision);
  await until('the watch stands', () => server.watches === 1);
  putPeer(server, 9);
  await until('the watch works', () => told.count('put') === 1);
  assert.deepEqual(told.texts, ['put 10.244.9.0-24 10.77.0.19']);
});

test('annotations of ours that somebody removed are told once, and published again', async (t) => {
  const server = await KubeServer.start(t);
  populate(server);
  const { store, told } = await watching(t, server);
  const { lease } = await acquire(store);
  server.annotate('host1', { 'kube-subnet-manager': null });
  server.heartbeat('host1');
  await until('the loss is told', () => told.count('gone') === 1);
  const kept = await keepLease(store, lease, OWN, DAY);
  assert.equal(server.annotation('host1', 'kube-subnet-manager'), 'true');
  const view = new PeerView();
  view.setOwn(kept);
  for (const event of told.events)
    assert.equal(view.apply(event).own, undefined, 'our write is newer than what was told');
  server.annotate('host1', { 'public-ip': '10.9.9.9' });
  await until('the foreign address is told', () => told.texts.length === 2);
  assert.deepEqual(told.texts, ['gone 10.244.1.0-24', 'put 10.244.1.0-24 10.9.9.9']);
});

test('a node that is registered anew with its podCIDR is published for again, with the condition', async (t) => {
  const server = await KubeServer.start(t);
  populate(server);
  const { store, told } = await watching(t, server);
  const { lease } = await acquire(store);
  await store.markNetworkAvailable();
  server.delete('host1');
  await until('it is told', () => told.count('gone') === 1);
  assert.equal((await faultOf(keepLease(store, lease, OWN, DAY))).message, 'there is no node "host1"');
  server.put(nodeObject('host1', { podCidrs: ['10.244.1.0/24'] }));
  await keepLease(store, lease, OWN, DAY);
  assert.equal(server.annotation('host1', 'public-ip'), '10.77.0.11');
  assert.equal(server.node('host1').status.conditions.at(-1)?.type, 'NetworkUnavailable');
});

test('another podCIDR of our node is a lost lease, in plain words', async (t) => {
  const server = await KubeServer.start(t);
  populate(server);
  const { store } = await watching(t, server);
  const { lease } = await acquire(store);
  server.put(nodeObject('host1', { podCidrs: ['10.244.50.0/24'] }));
  const fault = await faultOf(keepLease(store, lease, OWN, DAY));
  assert.equal(fault.code, 'lease.lost');
  assert.equal(fault.message, 'the node "host1" has the podCIDR 10.244.50.0/24 now; its Pods run in 10.244.1.0-24');
});

test('the server ending its watches is nothing to report, and no event is missed or told twice', async (t) => {
  const server = await KubeServer.start(t);
  populate(server);
  const { told } = await watching(t, server);
  for (let number = 3; number < 9; number += 1) {
    putPeer(server, number);
    if (number % 2 === 0) {
      server.endWatches();
      await until('a new watch stands', () => server.watches === 1);
    }
  }
  await until('all are told', () => told.count('put') === 6);
  assert.equal(new Set(told.texts).size, 6);
  assert.equal(told.texts.length, 6);
});

test('a watch goes on from a bookmark', async (t) => {
  const server = await KubeServer.start(t);
  populate(server);
  const { told } = await watching(t, server);
  for (let beat = 0; beat < 3; beat += 1) server.heartbeat('host2');
  server.bookmark();
  await pause(30);
  const { version } = server;
  server.compact();
  server.endWatches();
  await until('a new watch stands', () => server.requests.filter((line) => line.includes('watch')).length === 2);
  assert.ok(server.requests.at(-1)?.includes(`resourceVersion=${version}`));
  assert.deepEqual(told.texts, []);
});

for (const byStatus of [false, true]) {
  test(`after 410 Gone ${byStatus ? 'as HTTP status' : 'as an event'} everything is listed anew as a snapshot`, async (t) => {
    const server = await KubeServer.start(t);
    populate(server, 2);
    server.tellsGoneByStatus = byStatus;
    const { told } = await watching(t, server);
    server.refusing = true;
    server.cut();
    await until('the cut is told', () => told.count('interrupted') === 1);
    server.delete('host2');
    putPeer(server, 4);
    server.compact();
    server.refusing = false;
    await until('the snapshot is told', () => told.count('snapshot') === 1);
    assert.equal(
      told.texts.find((text) => text.startsWith('snapshot')),
      'snapshot 10.244.3.0-24 10.77.0.13 | 10.244.4.0-24 10.77.0.14 | 10.244.1.0-24 10.77.0.11',
    );
    putPeer(server, 5);
    await until('the watch goes on', () => told.texts.at(-1) === 'put 10.244.5.0-24 10.77.0.15');
    assert.equal(told.count('interrupted'), told.count('resumed'));
  });
}

test('a snapshot tells what somebody did to our own node meanwhile', async (t) => {
  const server = await KubeServer.start(t);
  populate(server);
  const { store, told } = await watching(t, server);
  const { lease, snapshot } = await acquire(store);
  const view = new PeerView();
  view.setOwn(lease);
  view.apply({ type: 'snapshot', ...snapshot });
  server.annotate('host1', { 'kube-subnet-manager': null });
  server.compact();
  server.tell(`${JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } })}\n`);
  await until('the snapshot is told', () => told.count('snapshot') === 1);
  const own = told.events.map((event) => view.apply(event).own).find((change) => change !== undefined);
  assert.equal(own?.type, 'gone');
});

test('an API server that went back in time is listed anew', async (t) => {
  const server = await KubeServer.start(t);
  populate(server, 5);
  const { told } = await watching(t, server);
  server.goBack(6);
  server.bookmark();
  await until('the snapshot is told', () => told.count('snapshot') === 1);
  putPeer(server, 9);
  await until('the watch goes on', () => told.texts.at(-1) === 'put 10.244.9.0-24 10.77.0.19');
});

test('an error event interrupts, a broken line interrupts, and the watch goes on from where it was', async (t) => {
  const server = await KubeServer.start(t);
  populate(server);
  const { told } = await watching(t, server);
  const status = { kind: 'Status', status: 'Failure', message: 'etcdserver: leader changed', code: 500 };
  server.tell(`${JSON.stringify({ type: 'ERROR', object: status })}\n`);
  await until('it is resumed', () => told.count('resumed') === 1);
  server.tell('<html>\n');
  await until('it is resumed again', () => told.count('resumed') === 2);
  putPeer(server, 3);
  await until('the watch goes on', () => told.count('put') === 1);
  assert.deepEqual(told.texts, [
    'interrupted kube.unavailable',
    'resumed',
    'interrupted kube.protocol',
    'resumed',
    'put 10.244.3.0-24 10.77.0.13',
  ]);
});

test('events that arrive in pieces of seven bytes are the same events', async (t) => {
  const server = await KubeServer.start(t);
  populate(server);
  server.pieceBytes = 7;
  const { told } = await watching(t, server);
  server.put(
    nodeObject('hôte3', { podCidrs: ['10.244.3.0/24'], annotations: flannelAnnotations('10.77.0.13'), age: 3 }),
  );
  putPeer(server, 4);
  server.delete('hôte3');
  await until('all is told', () => told.count('gone') === 1);
  assert.deepEqual(told.texts, ['put 10.244.3.0-24 10.77.0.13', 'put 10.244.4.0-24 10.77.0.14', 'gone 10.244.3.0-24']);
});

test('a watch that is silent for too long is opened anew, which is nothing to report', async (t) => {
  const server = await KubeServer.start(t);
  populate(server);
  const store = await openStore(t, server.url, { silenceMs: 150 });
  const { snapshot } = await acquire(store);
  const told = Told.watch(t, store, snapshot.revision);
  await until('a second watch', () => server.requests.filter((line) => line.includes('watch')).length >= 2);
  putPeer(server, 3);
  await until('the watch works', () => told.texts.length > 0);
  assert.deepEqual(told.texts, ['put 10.244.3.0-24 10.77.0.13']);
});

test('a listing that expires between its pages begins anew', async (t) => {
  const server = await KubeServer.start(t);
  populate(server, 240);
  let expire = true;
  server.refuse = (line) => {
    if (!expire || !line.includes('continue')) return undefined;
    expire = false;
    server.delete('host2');
    return { code: 410, reason: 'Expired', message: 'The provided continue parameter is too old' };
  };
  const { leases } = await (await openStore(t, server.url)).list();
  assert.equal(leases.length, 239);
  assert.ok(!leases.some(({ subnet }) => formatSubnetKey(subnet) === '10.244.2.0-24'));
});

test('release takes the node out of the fabric', async (t) => {
  const server = await KubeServer.start(t);
  populate(server);
  const store = await openStore(t, server.url);
  await acquire(store);
  assert.equal(await store.release(), 'released');
  assert.equal(server.annotation('host1', 'kube-subnet-manager'), undefined);
});
