/** Real etcd that goes away, agents that are killed and started without it, and Pods that notice nothing. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { etcdFlags, eventually, PREFIX } from './agent-host.ts';
import { type Pod, type Segment, startSegment } from './agent-segment.ts';

const NETWORK = { Network: '172.30.0.0/16', SubnetLen: 24, Backend: { Type: 'vxlan' } };
const PEER =
  '{"PublicIP":"10.77.0.99","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"8a:1b:af:8c:b2:78"}}';

/** Two hosts whose Pods reach each other, each knowing the other in its cache. */
async function cachedSegment(context: TestContext, document: object = NETWORK): Promise<Segment> {
  const segment = await startSegment(context, document);
  const [one, two] = segment.hosts;
  for (const [{ host }, other] of [
    [one, two],
    [two, one],
  ] as const) {
    const address = other.host.address.replace(/\/.*/, '');
    const read = (): string => (existsSync(host.cacheFile) ? readFileSync(host.cacheFile, 'utf8') : '');
    // The own record and the one of the other host.
    await eventually(read, (text) => text.split('PublicIP\\"').length === 3 && text.includes(address), 'the cache');
  }
  await one.pod.reaches(two.pod);
  return segment;
}

/** Pings all the time until it is asked how many of them were lost. */
function startPinging(context: TestContext, from: Pod, to: Pod): () => Promise<number> {
  const words = ['netns', 'exec', from.namespace, 'ping', '-i', '0.02', '-W', '2', '-q', to.addresses[0] ?? ''];
  const child = spawn('ip', words, { stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = new Promise((resolve) => child.on('exit', resolve));
  context.after(() => child.kill('SIGKILL'));
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  return async () => {
    child.kill('SIGINT');
    await ended;
    const [, sent = '', received = ''] = /(\d+) packets transmitted, (\d+) received/.exec(text) ?? [];
    assert.ok(Number(sent) > 1, text);
    // The last one may be under way.
    return Math.max(Number(sent) - Number(received) - 1, 0);
  };
}

test('etcd stopped, agent killed and started again: READY from the cache, no ping lost; then etcd comes back', async (context) => {
  const { cluster, etcd, hosts } = await cachedSegment(context);
  const [{ host, agent, pod }, other] = hosts;
  const file = host.readSubnetFile();
  const lost = startPinging(context, pod, other.pod);
  await cluster.stop();
  agent.process.kill('SIGKILL');
  await agent.ended;
  const next = host.start(context, ...etcdFlags(cluster));
  await next.ready();
  assert.match(next.status(), /^172\.30\.\d+\.0\/24 leased, 1 peer; from cache, etcd unreachable since 20\d\d-/);
  assert.equal(host.readSubnetFile(), file);
  await pod.reaches(other.pod);
  assert.equal(await lost(), 0);

  await cluster.restart('e1');
  await etcd.put({ key: `${PREFIX}/subnets/172.30.9.0-24`, value: PEER });
  await next.logged(/msg="lease acquired".* how=renewed/);
  assert.equal(host.readSubnetFile(), file);
  const routes = (): string => host.print('ip', 'route');
  await eventually(
    routes,
    (text) => text.includes('172.30.9.0/24 via 172.30.9.0 dev flannel.1'),
    'the host that was added',
  );
  await eventually(next.status, (text) => /leased, 2 peers$/.test(text), 'the status');
  await etcd.delete({ key: `${PREFIX}/subnets/172.30.9.0-24` });
  await eventually(routes, (text) => !text.includes('172.30.9.0/24'), 'the watch');
  await pod.reaches(other.pod);
});

test('a host whose device and subnet file a reboot took is back without etcd, at endpoints that never answer', async (context) => {
  const { cluster, hosts } = await cachedSegment(context);
  const [{ host, agent, pod }, other] = hosts;
  const file = host.readSubnetFile();
  const mac = host.print('ip', '-br', 'link', 'show', 'flannel.1').split(/\s+/)[2];
  await cluster.stop();
  agent.process.kill('SIGKILL');
  await agent.ended;
  host.batch('link delete flannel.1');
  rmSync(host.subnetFile);
  const next = host.start(context, '-etcd-endpoints', 'http://10.77.0.200:2379');
  await next.ready();
  assert.equal(host.readSubnetFile(), file);
  assert.equal(host.print('ip', '-br', 'link', 'show', 'flannel.1').split(/\s+/)[2], mac);
  await pod.reaches(other.pod);
});

test('the cache is for root alone; one of another version is refused by name and written anew', async (context) => {
  const { cluster, hosts } = await cachedSegment(context);
  const [{ host, agent }] = hosts;
  assert.equal(statSync(host.cacheFile).mode & 0o777, 0o600);
  agent.process.kill('SIGKILL');
  await agent.ended;
  const text = readFileSync(host.cacheFile, 'utf8');
  writeFileSync(host.cacheFile, text.replace('weft-agent-cache 1 ', 'weft-agent-cache 2 '));
  await cluster.stop();
  const next = host.start(context, ...etcdFlags(cluster));
  await next.logged(/cache not used.*code=cache\.version.*version 2, this program reads version 1/);
  await cluster.restart('e1');
  await next.ready();
  const first = (): string => readFileSync(host.cacheFile, 'utf8').split(' ', 2).join(' ');
  await eventually(first, (head) => head === 'weft-agent-cache 1', 'the new file');
});

for (const type of ['udp', 'host-gw']) {
  test(`a host with the backend ${type} is back from its cache as well`, async (context) => {
    const { cluster, hosts } = await cachedSegment(context, { ...NETWORK, Backend: { Type: type } });
    const [{ host, agent, pod }, other] = hosts;
    const file = host.readSubnetFile();
    await cluster.stop();
    agent.process.kill('SIGKILL');
    await agent.ended;
    const next = host.start(context, ...etcdFlags(cluster));
    await next.ready();
    assert.match(next.status(), /1 peer; from cache, etcd unreachable/);
    assert.equal(host.readSubnetFile(), file);
    await pod.reaches(other.pod);
  });
}
