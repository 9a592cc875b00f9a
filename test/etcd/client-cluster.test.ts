/** The starter of real etcd clusters. */
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { connectEtcd } from '#etcd/client.ts';
import { startEtcdCluster } from '#lab/etcd-cluster.ts';
import { loopbackMembers } from '#lab/etcd-loopback.ts';
import { type EtcdMember, endMembers } from '#lab/etcd-member.ts';
import { connect, faultOf, startCluster, temporaryDirectory } from './client-fixture.ts';

function commandLine(pid: number): string {
  return existsSync(`/proc/${pid}/cmdline`) ? readFileSync(`/proc/${pid}/cmdline`, 'utf8') : '';
}

test('three members with mutual TLS are healthy together, and stop ends exactly them', async (t) => {
  const cluster = await startCluster(t, 3);
  const other = await startCluster(t, 1, { tls: false });
  const statuses = await connect(t, cluster).status();
  assert.ok(statuses.every((status) => 'leaderId' in status && status.leaderId !== 0n));
  for (const member of cluster.members) assert.match(commandLine(member.pid), new RegExp(`--name=${member.name}`));
  await cluster.stop();
  for (const member of cluster.members) assert.equal(commandLine(member.pid), '');
  assert.notEqual(commandLine(other.members[0]?.pid ?? 0), '');
});

test('a member that cannot start is a fault that ends with its log, and the others are ended', async (t) => {
  const directory = await temporaryDirectory(t);
  const members = loopbackMembers(3);
  const blocker = createServer();
  await new Promise<void>((resolve) => blocker.listen(2379, members[1]?.address, resolve));
  t.after(() => {
    blocker.close();
  });
  const fault = await faultOf(startEtcdCluster({ directory, members, tls: false }));
  assert.equal(fault.code, 'lab.up');
  assert.equal(fault.message, 'etcd member m2 ended');
  assert.equal(fault.where, `${directory}/m2/etcd.log`);
  assert.match(fault.why ?? '', /its log ends with:\n[\s\S]*bind: address already in use/);
  const left = execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' });
  assert.ok(!left.includes(directory), 'no member is left');
});

test('a detached cluster outlives the process that started it', async (t) => {
  const directory = await temporaryDirectory(t);
  const script = `
    const { startEtcdCluster } = await import('#lab/etcd-cluster.ts');
    const members = ${JSON.stringify(loopbackMembers(1))};
    const cluster = await startEtcdCluster({ directory: ${JSON.stringify(directory)}, members, detached: true });
    process.stdout.write(JSON.stringify({ members: cluster.members, tls: cluster.tls }));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script]);
  const { members, tls }: { members: EtcdMember[]; tls: { caFile: string } } = JSON.parse(stdout);
  t.after(() => endMembers(members));
  const client = connectEtcd({ endpoints: members.map(({ endpoint }) => endpoint), ...tls });
  t.after(() => client.close());
  await client.put({ key: '/detached', value: '1' });
});

test('a cluster that is not detached does not outlive its starter', async (t) => {
  const directory = await temporaryDirectory(t);
  const script = `
    const { startEtcdCluster } = await import('#lab/etcd-cluster.ts');
    const members = ${JSON.stringify(loopbackMembers(1))};
    const cluster = await startEtcdCluster({ directory: ${JSON.stringify(directory)}, members, tls: false });
    process.stdout.write(String(cluster.members[0].pid));
    process.exit(0);`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script]);
  const pid = Number(stdout);
  assert.ok(pid > 1);
  for (let i = 0; i < 100 && commandLine(pid) !== ''; i++) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(commandLine(pid), '');
});

test('a member in a network namespace is started, seen ready and read from outside', async (t) => {
  const namespace = `weft-etcd-${process.pid}`;
  const ip = (...args: string[]): Promise<unknown> => promisify(execFile)('ip', args);
  await ip('netns', 'add', namespace);
  t.after(async () => {
    await ip('netns', 'delete', namespace);
  });
  await ip('-n', namespace, 'link', 'set', 'lo', 'up');
  await ip('-n', namespace, 'address', 'add', '10.250.0.1/32', 'dev', 'lo');
  const cluster = await startCluster(t, 1, { members: [{ name: 'inside', address: '10.250.0.1', namespace }] });
  const client = connect(t, cluster, { endpoints: cluster.localEndpoints });
  await client.put({ key: '/inside', value: '1' });
  assert.deepEqual(cluster.endpoints, ['https://10.250.0.1:2379']);
});
