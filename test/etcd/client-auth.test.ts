/** The etcd client as a user with a password, whose role sees one prefix only. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { EtcdLeaseStore } from '#agent/leases/etcd-store.ts';
import { hostMarkOf } from '#agent/leases/host-record.ts';
import { attributesOf, subnetOf } from '#agent/leases/lease-builders.ts';
import { prefixEnd } from '#etcd/api.ts';
import { endMembers } from '#lab/etcd-member.ts';
import { connect, faultOf, Recorder, startCluster, until } from './client-fixture.ts';

const cluster = await startCluster({ after }, 1, { tls: false, flags: ['--bcrypt-cost=4', '--auth-token-ttl=2'] });
const [endpoint = ''] = cluster.endpoints;
const root = { username: 'root', password: 'root-secret' };
const user = { username: 'weft', password: 'weft-secret' };

async function etcdctl(...args: string[]): Promise<void> {
  const environment = { ...process.env, ETCDCTL_API: '3', ETCDCTL_ENDPOINTS: endpoint };
  await promisify(execFile)('etcdctl', args, { env: environment });
}

test('a user is of no matter to a cluster without authentication', async (t) => {
  const client = connect(t, cluster, user);
  await client.put({ key: '/weft/before', value: '1' });
});

test('authentication is switched on for the tests that follow', async () => {
  await etcdctl('user', 'add', `${root.username}:${root.password}`);
  await etcdctl('user', 'grant-role', 'root', 'root');
  await etcdctl('user', 'add', `${user.username}:${user.password}`);
  await etcdctl('role', 'add', 'weft');
  await etcdctl('role', 'grant-permission', 'weft', 'readwrite', '/weft/', '--prefix');
  await etcdctl('role', 'grant-permission', 'weft', 'readwrite', '/narrow/subnets', '--prefix');
  await etcdctl('user', 'grant-role', 'weft', 'weft');
  await etcdctl('auth', 'enable');
});

test('with the right password the keys of the role can be read, written and watched', async (t) => {
  const client = connect(t, cluster, user);
  const { revision } = await client.put({ key: '/weft/a', value: '1' });
  assert.equal((await client.range({ key: '/weft/', rangeEnd: prefixEnd('/weft/') })).count, 2);
  const recorder = new Recorder();
  client.watch({ key: '/weft/', rangeEnd: prefixEnd('/weft/'), startRevision: revision }, recorder);
  await until('the event has come', () => recorder.seen.length === 1);
  const lease = await client.leaseGrant(60);
  await client.put({ key: '/weft/leased', value: '1', lease: lease.id });
  assert.equal(await client.leaseKeepAlive(lease.id), 60);
  await client.leaseRevoke(lease.id);
});

test('a wrong password is a fault that names the user and never the password', async (t) => {
  const client = connect(t, cluster, { ...user, password: 'wrong-secret' });
  const fault = await faultOf(client.range({ key: '/weft/a' }));
  assert.equal(
    fault.toString(),
    [
      'error: etcd refuses the user "weft" or the password',
      `  where:  ${endpoint}`,
      '  why:    etcd says: authentication failed, invalid user ID or password (gRPC code 3)',
      "  remedy: check the user, the password and the role's key range",
      '  code:   etcd.auth',
    ].join('\n'),
  );
});

test('no user at all is a fault that says which flags to give', async (t) => {
  const fault = await faultOf(connect(t, cluster).put({ key: '/weft/a', value: '2' }));
  assert.equal(
    fault.toString(),
    [
      'error: etcd wants a user for put "/weft/a"',
      `  where:  ${endpoint}`,
      '  why:    etcd says: user name is empty (gRPC code 3)',
      '  remedy: give -etcd-username and -etcd-password',
      '  code:   etcd.auth',
    ].join('\n'),
  );
});

test('a key range outside the role is a fault that names it', async (t) => {
  const client = connect(t, cluster, user);
  const fault = await faultOf(client.range({ key: '/other/', rangeEnd: prefixEnd('/other/') }));
  assert.equal(fault.code, 'etcd.auth');
  assert.equal(
    fault.summary,
    `etcd does not permit read "/other/"…"/other0" for user "weft" (${endpoint}): ` +
      'etcd says: permission denied (gRPC code 7)',
  );
});

test('a watch outside the role is told why it is interrupted, and keeps trying', async (t) => {
  const client = connect(t, cluster, user);
  const recorder = new Recorder();
  client.watch({ key: '/other', startRevision: 1 }, recorder);
  await until('it is told', () => recorder.interruptions.length === 1);
  assert.equal(recorder.interruptions[0]?.code, 'etcd.auth');
  assert.equal(recorder.interruptions[0].message, 'etcd does not permit watch "/other" for user "weft"');
});

test('a role that reaches the leases alone gets its lease, without a host key', async (t) => {
  const mark = hostMarkOf('machine', 'boot', 'host');
  const store = new EtcdLeaseStore({ etcd: connect(t, cluster, user), prefix: '/narrow', mark });
  const created = await store.create(subnetOf('10.5.1.0-24'), attributesOf('10.77.0.11'), 60);
  assert.ok(created !== 'taken');
  assert.equal(store.hosts, undefined);
  assert.ok((await store.renew(created, attributesOf('10.77.0.11'), 60)) !== 'lost');
  const nowhere = new EtcdLeaseStore({ etcd: connect(t, cluster, user), prefix: '/nowhere', mark });
  const fault = await faultOf(nowhere.create(subnetOf('10.5.1.0-24'), attributesOf('10.77.0.11'), 60));
  assert.equal(fault.code, 'etcd.auth');
  assert.ok(nowhere.hosts !== undefined);
});

test('a token that etcd has forgotten is replaced without the caller noticing', async (t) => {
  const client = connect(t, cluster, user);
  await client.put({ key: '/weft/token', value: '1' });
  await new Promise((resolve) => setTimeout(resolve, 3_500));
  await Promise.all([
    client.put({ key: '/weft/token', value: '2' }),
    client.range({ key: '/weft/token' }),
    client.range({ key: '/weft/a' }),
  ]);
});

test('a watch and calls go on after a restart of etcd, which forgets all tokens', async (t) => {
  const client = connect(t, cluster, user);
  const { revision } = await client.put({ key: '/weft/restart', value: '1' });
  const recorder = new Recorder();
  client.watch({ key: '/weft/restart', startRevision: revision }, recorder);
  await until('the event has come', () => recorder.seen.length === 1);
  await endMembers(cluster.members);
  await cluster.restart('m1');
  await client.put({ key: '/weft/restart', value: '2' });
  await until('the event has come', () => recorder.seen.length === 2);
  assert.deepEqual(recorder.faults, []);
});
