/** The whole agent on a fake kernel with Kubernetes for its store: from a bare node to READY, and what it does afterwards. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { startDriver } from '#agent/driver.ts';
import { MemoryKernel } from '#agent/kernel/memory-kernel.ts';
import type { KubeLeaseStore } from '#agent/leases/kube-store.ts';
import { seededRandom } from '#agent/leases/lease-builders.ts';
import { testSettings } from '#agent/reconcile/test-settings.ts';
import { hostAddress } from '#agent/test-host.ts';
import { openTraffic } from '#agent/traffic/traffic.ts';
import { MemoryFirewall } from '#firewall/memory-firewall.ts';
import { systemClock } from '#runtime/clock.ts';
import { createLog } from '#runtime/log.ts';
import { openStore, populate, putPeer, until } from './kube-fixture.ts';
import { flannelAnnotations, nodeObject } from './kube-objects.ts';
import { KubeServer } from './kube-server.ts';

interface Agent {
  readonly kernel: MemoryKernel;
  readonly store: KubeLeaseStore;
  readonly logged: string[];
  subnetFile: string;
  ready: boolean;
}

async function startAgent(t: TestContext, server: KubeServer): Promise<Agent> {
  const eth0 = { index: 2, name: 'eth0', kind: 'veth', mtu: 1500, mac: '02:00:00:00:00:0b', up: true };
  const agent: Agent = {
    kernel: new MemoryKernel({ links: [eth0], addresses: [hostAddress('10.77.0.11')], defaultRoutes: { ipv4: 2 } }),
    store: await openStore(t, server.url),
    logged: [],
    subnetFile: '',
    ready: false,
  };
  const driver = startDriver({
    settings: testSettings({ withdraw: { graceMs: 0, limitPercent: 100, holdMs: 3_600_000 } }),
    kernel: agent.kernel,
    store: agent.store,
    traffic: openTraffic(async () => new MemoryFirewall()),
    clock: systemClock,
    log: createLog({ verbose: true, journal: true, write: (line) => agent.logged.push(line), now: () => 0 }),
    publish: (text) => {
      agent.subnetFile = text;
    },
    notify: (text) => {
      agent.ready ||= text.startsWith('READY=1');
    },
    random: seededRandom(7),
    relieve: () => undefined,
  });
  t.after(() => driver.stop());
  return agent;
}

test('a bare node becomes a member of the fabric', async (t) => {
  const server = await KubeServer.start(t);
  populate(server, 2);
  const agent = await startAgent(t, server);
  await until('it is ready', () => agent.ready);
  assert.match(agent.subnetFile, /FLANNEL_SUBNET=10\.244\.1\.1\/24/);
  assert.equal(server.annotation('host1', 'backend-data'), '{"VNI":1,"VtepMAC":"0e:00:00:00:00:01"}');
  const routes = (): readonly string[] => agent.kernel.print('flannel.1').filter((line) => line.includes('onlink'));
  assert.equal(routes().length, 2);
  putPeer(server, 4);
  server.delete('host2');
  await until('the peers are exchanged', () => routes().some((line) => line.includes('10.244.4.0')));
  await until('the old one is gone', () => !routes().some((line) => line.includes('10.244.2.0')));
  server.annotate('host1', { 'public-ip': '9.9.9.9' });
  await until('ours is published again', () => server.annotation('host1', 'public-ip') === '10.77.0.11');
  assert.deepEqual(
    agent.logged.filter((line) => /cannot|not renewed/.test(line)),
    [],
  );
});

test('the MAC of the annotations is kept, whatever address was published', async (t) => {
  const server = await KubeServer.start(t);
  const annotations = flannelAnnotations('10.77.0.200', '96:59:b2:3f:04:ee');
  server.put(nodeObject('host1', { podCidrs: ['10.244.1.0/24'], annotations }));
  const agent = await startAgent(t, server);
  await until('it is ready', () => agent.ready);
  assert.equal(server.annotation('host1', 'backend-data'), '{"VNI":1,"VtepMAC":"96:59:b2:3f:04:ee"}');
  assert.equal(server.annotation('host1', 'public-ip'), '10.77.0.11');
});

test('a podCIDR that is assigned later is waited for', async (t) => {
  const server = await KubeServer.start(t);
  server.put(nodeObject('host1'));
  const agent = await startAgent(t, server);
  await until('it says so', () => agent.logged.some((line) => line.includes('pod cidr not assigned')));
  server.put(nodeObject('host1', { podCidrs: ['10.244.1.0/24'] }));
  await until('it is ready', () => agent.ready);
});

test('an overwritten public address is published, and stays so without another write', async (t) => {
  const server = await KubeServer.start(t);
  populate(server);
  server.annotate('host1', { 'public-ip-overwrite': '203.0.113.7' });
  const agent = await startAgent(t, server);
  await until('it is ready', () => agent.ready);
  server.heartbeat('host1');
  putPeer(server, 3);
  await until('the peer is there', () => agent.kernel.print('flannel.1').some((line) => line.includes('10.244.3.0')));
  assert.equal(server.annotation('host1', 'public-ip'), '203.0.113.7');
  assert.equal(server.patches.length, 1);
});
