/** The store that `--etcd-api` opens, on etcds that serve both APIs, one of them, or v2 only as etcd 2 did. */
import assert from 'node:assert/strict';
import { createServer, request } from 'node:http';
import { after, type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { acquireLease } from '#agent/leases/acquire.ts';
import type { ApiNote } from '#agent/leases/auto-store.ts';
import { attributesOf, networkOf } from '#agent/leases/lease-builders.ts';
import { type OpenedLeaseStore, type OpenLeaseStoreOptions, openLeaseStore } from '#agent/leases/open-store.ts';
import { connect, faultOf, startCluster } from './client-fixture.ts';
import { etcdctl, startV2Cluster, V2Keyboard } from './v2-fixture.ts';

const NETWORK = '{"Network":"172.30.0.0/16","SubnetLen":24,"Backend":{"Type":"vxlan"}}';
const cluster = await startV2Cluster({ after }, 1);
const [endpoint = ''] = cluster.endpoints;
const v2 = new V2Keyboard(endpoint);
let prefixes = 0;

async function open(
  t: TestContext,
  options: Partial<OpenLeaseStoreOptions> = {},
): Promise<OpenedLeaseStore & { readonly prefix: string; readonly notes: readonly ApiNote[] }> {
  const notes: ApiNote[] = [];
  const prefix = options.prefix ?? `/open${++prefixes}/network`;
  const tell = (note: ApiNote): void => void notes.push(note);
  const opened = await openLeaseStore({ api: 'auto', endpoints: [endpoint], prefix, tell, ...options });
  t.after(() => opened.close());
  return {
    store: opened.store,
    get api() {
      return opened.api;
    },
    close: () => opened.close(),
    prefix,
    notes,
  };
}

/** As etcd 2 answers: HTTP/1.1, and the v2 API alone. */
async function serveV2Only(t: TestContext): Promise<string> {
  const server = createServer((from, to) => {
    if (from.url?.startsWith('/v2/') !== true) {
      to.writeHead(404).end();
      return;
    }
    const { method, url, headers } = from;
    const passed = request(`${endpoint}${url}`, { ...(method !== undefined && { method }), headers }, (answer) => {
      to.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(to);
    });
    passed.on('error', () => to.destroy());
    from.pipe(passed);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return `http://127.0.0.1:${address.port}`;
}

test('a host leases its subnet on v2, and the commands of the guides show it', async (t) => {
  const { store, prefix, notes } = await open(t, { prefix: '/kubernetes/network' });
  assert.equal((await etcdctl(2, [endpoint], 'mkdir', prefix)).code, 0);
  const typed = await etcdctl(2, [endpoint], 'mk', `${prefix}/config`, NETWORK);
  assert.deepEqual([typed.code, typed.out], [0, `${NETWORK}\n`]);
  assert.equal(await store.config(), NETWORK);
  assert.deepEqual(notes, [{ type: 'chosen', api: 'v2' }]);

  const acquired = await acquireLease({
    store,
    network: networkOf(NETWORK),
    attributes: attributesOf('192.168.80.64', '12:21:93:9e:b1:eb'),
    ttlSeconds: 86_400,
    random: () => 0,
    sleep: pause,
  });
  assert.equal(acquired.how, 'allocated');
  const key = `${prefix}/subnets/172.30.1.0-24`;
  assert.equal((await etcdctl(2, [endpoint], 'ls', `${prefix}/subnets`)).out, `${key}\n`);
  assert.equal(
    (await etcdctl(2, [endpoint], 'get', key)).out,
    '{"PublicIP":"192.168.80.64","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"12:21:93:9e:b1:eb"}}\n',
  );
  assert.match((await etcdctl(2, [endpoint], '-o', 'extended', 'get', key)).out, /^TTL: 86(400|399)$/m);
});

test('a lease that flannel 0.11 wrote is taken up in place, and a reservation stays one', async (t) => {
  const { store, prefix } = await open(t, { api: 'v2' });
  await v2.set(
    `${prefix}/subnets/172.30.7.0-24`,
    '{"PublicIP":"10.0.0.7","BackendType":"vxlan","BackendData":{"VtepMAC":"12:21:93:9e:b1:eb"}}',
    600,
  );
  const reserved = ['set', '--ttl', '0', `${prefix}/subnets/172.30.8.0-24`, '{"PublicIP":"10.0.0.8"}'];
  assert.equal((await etcdctl(2, [endpoint], ...reserved)).code, 0);
  for (const [publicIp, subnet, ttl] of [
    ['10.0.0.7', '172.30.7.0-24', /^TTL: 86(400|399)$/m],
    ['10.0.0.8', '172.30.8.0-24', /^TTL: 0$/m],
  ] as const) {
    const request = {
      network: networkOf(NETWORK),
      attributes: attributesOf(publicIp),
      ttlSeconds: 86_400,
      random: () => 0,
    };
    const { how } = await acquireLease({ store, ...request, sleep: pause });
    assert.equal(how, 'renewed');
    assert.match((await etcdctl(2, [endpoint], '-o', 'extended', 'get', `${prefix}/subnets/${subnet}`)).out, ttl);
  }
});

test('a network on v3 is found, and one on both is v3', async (t) => {
  const { store, prefix, notes } = await open(t);
  assert.equal(await store.config(), undefined);
  await connect(t, cluster).put({ key: `${prefix}/config`, value: 'three' });
  await v2.set(`${prefix}/config`, 'two');
  assert.equal(await store.config(), 'three');
  assert.deepEqual(notes, [{ type: 'chosen', api: 'v3' }]);
  while (notes.length < 2) await pause(100);
  assert.deepEqual(notes[1], { type: 'both' });
});

test('an etcd that knows no v3 is spoken to in v2', async (t) => {
  const url = await serveV2Only(t);
  const opened = await open(t, { endpoints: [url] });
  assert.equal(await opened.store.config(), undefined);
  await v2.set(`${opened.prefix}/config`, 'two');
  assert.equal(await opened.store.config(), 'two');
  assert.equal(opened.api, 'v2');
});

test('an etcd without v2 is waited for on v3', async (t) => {
  const v3Only = await startCluster(t, 1, { tls: false });
  const opened = await open(t, { endpoints: v3Only.endpoints });
  assert.equal(await opened.store.config(), undefined);
  await connect(t, v3Only).put({ key: `${opened.prefix}/config`, value: 'three' });
  assert.equal(await opened.store.config(), 'three');
});

test('with nothing at the endpoint the fault is that of v3', async (t) => {
  const opened = await open(t, { endpoints: ['http://127.0.0.1:1'] });
  const fault = await faultOf(opened.store.config());
  assert.deepEqual([fault.code, fault.where], ['etcd.tcp', 'http://127.0.0.1:1']);
});
