/** The agent as a process, against real etcd and the real kernel: what an operator sees when things go right and wrong. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Etcd } from '#etcd/api.ts';
import { connectEtcd } from '#etcd/client.ts';
import type { EtcdCluster } from '#lab/etcd-cluster.ts';
import { createAuthority } from '#pki/authority.ts';
import { AgentHost, etcdFlags, eventually, PREFIX, WEFT } from './agent-host.ts';

const NETWORK = '{"Network":"172.30.0.0/16","SubnetLen":24,"Backend":{"Type":"vxlan"}}';
const PEER =
  '{"PublicIP":"10.77.0.99","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"8a:1b:af:8c:b2:78"}}';
const PEER_ROUTE = '172.30.9.0/24 via 172.30.9.0 dev flannel.1 onlink ';

interface Site {
  readonly host: AgentHost;
  readonly cluster: EtcdCluster;
  readonly etcd: Etcd;
}

/** A host with etcd, the network document and one peer's lease. */
async function site(context: TestContext, tls = false, document = NETWORK): Promise<Site> {
  const host = new AgentHost(context);
  const cluster = await host.etcd(context, tls);
  const etcd = connectEtcd({ endpoints: cluster.localEndpoints, ...cluster.tls });
  context.after(() => etcd.close());
  await etcd.put({ key: `${PREFIX}/config`, value: document });
  await etcd.put({ key: `${PREFIX}/subnets/172.30.9.0-24`, value: PEER });
  return { host, cluster, etcd };
}

function routes(host: AgentHost): string[] {
  return host
    .print('ip', 'route')
    .split('\n')
    .filter((line) => line.includes('flannel.1'));
}

test('SIGTERM ends the agent with 0 and leaves device, routes, lease and file as they are', async (context) => {
  const { host, cluster, etcd } = await site(context);
  const agent = host.start(context, ...etcdFlags(cluster));
  await agent.ready();
  const file = host.readSubnetFile();
  agent.process.kill('SIGTERM');
  assert.equal(await agent.ended, 0);
  assert.deepEqual(routes(host), [PEER_ROUTE]);
  assert.match(host.print('ip', 'link', 'show', 'flannel.1'), /UP,LOWER_UP/);
  assert.equal(host.readSubnetFile(), file);
  const { count } = await etcd.range({ key: `${PREFIX}/subnets/`, rangeEnd: `${PREFIX}/subnets0` });
  assert.equal(count, 2);
});

test('after SIGKILL the next start keeps subnet and MAC, and removes a peer that left meanwhile', async (context) => {
  const { host, cluster, etcd } = await site(context);
  const first = host.start(context, ...etcdFlags(cluster));
  await first.ready();
  const file = host.readSubnetFile();
  const link = host.print('ip', '-d', 'link', 'show', 'flannel.1');
  first.process.kill('SIGKILL');
  await first.ended;
  await etcd.delete({ key: `${PREFIX}/subnets/172.30.9.0-24` });
  const second = host.start(context, ...etcdFlags(cluster));
  await second.ready();
  assert.equal(host.readSubnetFile(), file);
  assert.equal(host.print('ip', '-d', 'link', 'show', 'flannel.1'), link);
  assert.deepEqual(routes(host), []);
  assert.equal(host.print('ip', 'neigh', 'show', 'dev', 'flannel.1'), '');
});

test('what another program deletes is back at once', async (context) => {
  const { host, cluster } = await site(context);
  const agent = host.start(context, ...etcdFlags(cluster));
  await agent.ready();
  const before = host.print('ip', '-d', 'link', 'show', 'flannel.1').replace(/^\d+/, '');
  const address = host.print('ip', '-4', '-o', 'addr', 'show', 'flannel.1').replace(/^\d+/, '');
  for (const damage of [
    'route del 172.30.9.0/24',
    'neigh del 172.30.9.0 dev flannel.1',
    'link set flannel.1 down',
    'link set flannel.1 mtu 1300',
    'link set flannel.1 address 02:00:00:00:00:77',
    'link del flannel.1',
  ]) {
    host.batch(damage);
    await eventually(
      () => routes(host),
      (found) => found.join() === PEER_ROUTE,
      damage,
    );
    await eventually(
      () => host.print('ip', 'neigh', 'show', 'dev', 'flannel.1'),
      (text) => text.includes('8a:1b:af:8c:b2:78 PERMANENT'),
      damage,
    );
    const link = await eventually(
      () => host.print('ip', '-d', 'link', 'show', 'flannel.1').replace(/^\d+/, ''),
      (text) => text === before,
      damage,
    );
    assert.equal(link, before);
    await eventually(
      () => host.print('ip', '-4', '-o', 'addr', 'show', 'flannel.1').replace(/^\d+/, ''),
      (text) => text === address,
      damage,
    );
  }
  execFileSync('bridge', [
    '-n',
    host.namespace,
    'fdb',
    'del',
    '8a:1b:af:8c:b2:78',
    'dev',
    'flannel.1',
    'dst',
    '10.77.0.99',
  ]);
  await eventually(
    () => host.print('bridge', 'fdb', 'show', 'dev', 'flannel.1'),
    (text) => text.includes('dst 10.77.0.99'),
    'fdb',
  );
});

test('a device of another kind with our name is left alone and named, and the agent goes on when it is gone', async (context) => {
  const { host, cluster } = await site(context);
  host.batch('link add flannel.1 type bridge');
  const agent = host.start(context, ...etcdFlags(cluster));
  await agent.logged(/kernel\.device-busy.*named flannel\.1 is there already, of kind bridge.*remedy=/);
  assert.match(host.print('ip', '-d', 'link', 'show', 'flannel.1'), /bridge forward_delay/);
  host.batch('link del flannel.1');
  await agent.ready();
});

test("another program's VXLAN device with our VNI is named", async (context) => {
  const { host, cluster } = await site(context);
  host.batch('link add other0 type vxlan id 1 dev eth0 dstport 8472');
  const agent = host.start(context, ...etcdFlags(cluster));
  await agent.logged(/kernel\.device-busy.*the device other0 has VNI 1 on port 8472 already/);
});

test('a full network is said with its figures', async (context) => {
  const { host, cluster, etcd } = await site(
    context,
    false,
    '{"Network":"172.30.0.0/22","SubnetLen":24,"Backend":{"Type":"vxlan"}}',
  );
  for (const third of [1, 2, 3]) {
    const value = PEER.replace('0.99', `0.9${third}`).replace('b2:78', `b2:0${third}`);
    await etcd.put({ key: `${PREFIX}/subnets/172.30.${third}.0-24`, value });
  }
  const agent = host.start(context, ...etcdFlags(cluster));
  await agent.logged(/lease\.network-full.*has 3 subnets.*3 of them are leased.*remedy=/);
  await etcd.delete({ key: `${PREFIX}/subnets/172.30.2.0-24` });
  await agent.ready();
  assert.match(host.readSubnetFile(), /FLANNEL_SUBNET=172\.30\.2\.1\/24/);
});

test('hostile and foreign records are named one by one, and good leases go on working', async (context) => {
  const { host, cluster, etcd } = await site(context);
  const agent = host.start(context, ...etcdFlags(cluster));
  await agent.ready();
  const bad = {
    nonsense: PEER,
    '172.30.10.0-24': '{"PublicIP":',
    '10.77.0.0-24': PEER,
    '172.30.9.128-25': PEER.replace('0.99', '0.98'),
    '172.30.11.0-24': PEER.replace('8a:1b:af:8c:b2:78', '01:00:5e:00:00:01'),
    '172.30.12.0-24': PEER.replace('10.77.0.99', '10.77.0.11'),
  };
  for (const [name, value] of Object.entries(bad)) await etcd.put({ key: `${PREFIX}/subnets/${name}`, value });
  const good = PEER.replace('0.99', '0.97').replace('b2:78', 'b2:79');
  await etcd.put({ key: `${PREFIX}/subnets/172.30.200.0-24`, value: good });
  await eventually(
    () => routes(host).length,
    (found) => found === 2,
    'routes',
  );
  for (const reason of [
    /record ignored.*nonsense/,
    /record ignored.*172\.30\.10\.0-24/,
    /10\.77\.0\.0-24.*outside the Network/,
    /172\.30\.9\.128-25.*overlaps the older lease 172\.30\.9\.0\/24/,
    /172\.30\.11\.0-24.*VtepMAC/,
    /172\.30\.12\.0-24.*is ours/,
  ])
    await agent.logged(reason);
});

test('a missing configuration is waited for, with the command that writes one', async (context) => {
  const { host, cluster, etcd } = await site(context);
  await etcd.delete({ key: `${PREFIX}/config` });
  const agent = host.start(context, ...etcdFlags(cluster));
  await agent.logged(/network\.missing.*remedy="write one: weft network set FILE"/);
  await etcd.put({ key: `${PREFIX}/config`, value: NETWORK });
  await agent.ready();
});

test('an unknown backend type is named with those there are', async (context) => {
  const { host, cluster } = await site(context, false, '{"Network":"172.30.0.0/16","Backend":{"Type":"ipsec"}}');
  const agent = host.start(context, ...etcdFlags(cluster));
  await agent.logged(/network\.invalid.*Backend\.Type.*ipsec.*use vxlan/);
});

test('an unreachable endpoint is named, and the agent is ready soon after etcd comes', async (context) => {
  const { host, cluster } = await site(context);
  const [member] = cluster.members;
  assert.ok(member !== undefined);
  await cluster.stop();
  const agent = host.start(context, ...etcdFlags(cluster));
  await agent.logged(/etcd\.tcp.*10\.77\.0\.11:2379.*remedy=/);
  await cluster.restart(member.name);
  await agent.ready();
});

test('a wrong CA is said to be one', async (context) => {
  const { host, cluster } = await site(context, true);
  assert.ok(cluster.tls !== undefined);
  const stranger = await createAuthority({ commonName: 'stranger' });
  const caFile = join(host.directory, 'stranger.pem');
  writeFileSync(caFile, stranger.certificate);
  const { certFile, keyFile } = cluster.tls;
  const files = ['-etcd-certfile', certFile, '-etcd-keyfile', keyFile];
  const wrongCa = host.start(context, '-etcd-endpoints', cluster.endpoints.join(','), '-etcd-cafile', caFile, ...files);
  await wrongCa.logged(/etcd\.tls\.untrusted.*remedy=/);
});

test('an expired client certificate is named with its date', async (context) => {
  const { host, cluster } = await site(context, true);
  assert.ok(cluster.tls !== undefined);
  const authority = await createAuthority({ commonName: 'any' });
  const leaf = await authority.issue({
    commonName: 'late',
    hosts: [],
    usages: ['client'],
    notBefore: new Date('2020-01-01T00:00:00Z'),
    notAfter: new Date('2021-01-01T00:00:00Z'),
  });
  const [certFile, keyFile] = [join(host.directory, 'late.pem'), join(host.directory, 'late-key.pem')];
  writeFileSync(certFile, leaf.certificate);
  writeFileSync(keyFile, leaf.key, { mode: 0o600 });
  const agent = host.start(
    context,
    ...['-etcd-endpoints', cluster.endpoints.join(','), '-etcd-cafile', cluster.tls.caFile],
    ...['-etcd-certfile', certFile, '-etcd-keyfile', keyFile],
  );
  await agent.logged(/etcd\.tls\.expired.*expired on 2021-01-01.*late\.pem/);
});

test('wrong usage ends with 2 and names the flag', async (context) => {
  const host = new AgentHost(context);
  const agent = host.start(context, '-etcd-endpoint', 'http://127.0.0.1:2379');
  assert.equal(await agent.ended, 2);
  assert.match(agent.log(), /flag provided but not defined: -etcd-endpoint\n.*did you mean -etcd-endpoints\?/s);
});

test('started by the names weftd and flanneld it is the agent', () => {
  const directory = execFileSync('mktemp', ['-d'], { encoding: 'utf8' }).trim();
  try {
    for (const name of ['weftd', 'flanneld']) {
      execFileSync('ln', ['-s', WEFT, join(directory, name)]);
      assert.match(execFileSync(join(directory, name), ['-h'], { encoding: 'utf8' }), /Leases a Pod subnet/);
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
});
