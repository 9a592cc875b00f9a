/** `weft cni install` and `weft cni check` as an operator runs them, on a host that is a namespace. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { CniHost, ip } from './cni-host.ts';

const LAUNCHER = join(import.meta.dirname, '../../bin/weft');

interface Run {
  readonly pid: number;
  readonly code: number | null;
  readonly out: string;
}

function weft(host: CniHost, ...words: readonly string[]): Run {
  const places = [
    '--bin-dir',
    join(host.folder, 'opt'),
    '--conf-dir',
    join(host.folder, 'net.d'),
    '--subnet-file',
    host.subnetFile,
  ];
  const argv = [`--net=/run/netns/${host.name}`, '--', LAUNCHER, 'cni', ...words, ...places];
  const { pid, status, stdout, stderr } = spawnSync('nsenter', argv, { encoding: 'utf8' });
  return { pid, code: status, out: stdout + stderr };
}

/** Namespaces that the trial of that run would have left; the launcher becomes the program, so its pid is the program's. */
function scratch({ pid }: Run): readonly string[] {
  return ip('netns', 'list')
    .split('\n')
    .filter((line) => line.startsWith(`weft-trial-${pid}-`));
}

test('a host is made ready, a second time nothing changes, and a container really gets its network', async (t) => {
  const host = new CniHost(t);
  const first = weft(host, 'install');
  assert.equal(first.code, 0, first.out);
  assert.match(first.out, /flannel +placed/);
  const second = weft(host, 'install');
  assert.match(second.out, /all was in place, nothing was changed\n$/);
  assert.deepEqual([weft(host, 'check').code, weft(host, 'install', '--check').code], [0, 0]);
  // The trial was on a host of its own: no bridge here, no rule, no namespace left.
  assert.deepEqual([host.devices(), scratch(first)], [[], []]);
  assert.throws(() => ip('-n', host.name, 'link', 'show', 'cni0'));
  const netns = host.addContainer('a');
  await host.mustCall('ADD', { netns });
  await host.mustCall('DEL', { netns });
});

test('a stale bridge is deleted, one with a container attached is named and stays', async (t) => {
  const host = new CniHost(t);
  const netns = host.addContainer('a');
  await host.mustCall('ADD', { netns });
  host.writeSubnet('10.5.18');
  const attached = weft(host, 'install');
  assert.equal(attached.code, 1);
  assert.match(attached.out, /cni0 has not the address of the subnet/);
  assert.match(attached.out, /it has 10\.5\.17\.1\/24, the subnet file wants 10\.5\.18\.1\/24; attached: veth\w+/);
  assert.match(ip('-n', host.name, 'address', 'show', 'cni0'), /10\.5\.17\.1\/24/);
  await host.mustCall('DEL', { netns });
  const free = weft(host, 'install');
  assert.deepEqual([free.code, /repaired: deleted cni0/.test(free.out)], [0, true], free.out);
  await host.mustCall('ADD', { netns });
  assert.match(ip('-n', host.name, 'address', 'show', 'cni0'), /10\.5\.18\.1\/24/);
});

test('findings are there for programs, with exit code 1', (t) => {
  const host = new CniHost(t);
  weft(host, 'install');
  writeFileSync(join(host.folder, 'net.d/05-other.conf'), '{"name":"other","type":"bridge"}');
  const { code, out } = weft(host, 'check', '-o', 'json');
  assert.equal(code, 1);
  const { findings, runtime } = JSON.parse(out);
  assert.deepEqual([runtime.name, findings.length, findings[0].severity], ['other', 1, 'problem']);
  assert.match(weft(host, 'check', '-o', 'yaml').out, /severity: problem/);
});

test('a trial meets a plugin that does not work, and cleans up', (t) => {
  const host = new CniHost(t);
  weft(host, 'install');
  const portmap = join(host.folder, 'opt/portmap');
  rmSync(portmap);
  symlinkSync('/bin/false', portmap);
  const run = weft(host, 'check');
  assert.equal(run.code, 1);
  assert.match(run.out, /a container would not get its network: ADD of portmap failed in a trial/);
  assert.deepEqual(scratch(run), []);
});

test('what somebody else put there is refused, and with --force kept', (t) => {
  const host = new CniHost(t);
  weft(host, 'install');
  const list = join(host.folder, 'net.d/10-flannel.conflist');
  writeFileSync(list, '{"name":"mine","plugins":[{"type":"bridge"}]}');
  const refused = weft(host, 'install');
  assert.deepEqual([refused.code, /cni\.foreign/.test(refused.out)], [1, true]);
  assert.equal(weft(host, 'install', '--force').code, 0);
  assert.equal(readdirSync(join(host.folder, 'net.d')).length, 2);
});

test('a name that is none, and a plugin that there is not, are wrong usage', (t) => {
  const host = new CniHost(t);
  assert.equal(weft(host, 'install', '--name', '../x').code, 2);
  assert.equal(weft(host, 'install', '--plugin', 'loom').code, 2);
});

test('the plugin weft is put in place and tried out without an agent, and what stands in its way is named', async (t) => {
  const host = new CniHost(t);
  rmSync(join(host.folder, 'opt'), { recursive: true, force: true });
  const first = weft(host, 'install', '--plugin', 'weft');
  assert.equal(first.code, 0, first.out);
  assert.match(first.out, /opt\/weft +placed +-> .*cni-weft/);
  assert.deepEqual(readdirSync(join(host.folder, 'net.d')), ['10-weft.conflist']);
  assert.match(weft(host, 'install', '--plugin', 'weft').out, /all was in place, nothing was changed\n$/);
  assert.deepEqual([host.devices(), scratch(first)], [[], []]);
  writeFileSync(
    host.subnetFile,
    'FLANNEL_NETWORK=10.5.0.0/16\nFLANNEL_SUBNET=10.5.17.1/31\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n',
  );
  const broken = weft(host, 'check', '--plugin', 'weft');
  assert.equal(broken.code, 1);
  assert.match(broken.out, /ADD of weft failed in a trial(.|\n)*too small to allocate from/);
});
