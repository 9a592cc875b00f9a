/** The plugin `weft` in the agent, against the kernel: what a runtime asks for, in order and out of order. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { CniAnswer } from '#cni/weft/cni-service.ts';
import { systemFiles } from '#cni/weft/files.ts';
import { CniSite } from './cni-site.ts';

const DONE = { ok: null };
const V4_ONLY = 'FLANNEL_NETWORK=10.5.0.0/16\nFLANNEL_SUBNET=10.5.1.1/24\nFLANNEL_MTU=1400\nFLANNEL_IPMASQ=false\n';

function ips(answer: CniAnswer): readonly string[] {
  assert('ok' in answer, JSON.stringify(answer));
  const result: { readonly ips?: readonly { readonly address: string }[] } = answer.ok ?? {};
  return (result.ips ?? []).map(({ address }) => address);
}

function refused(answer: CniAnswer, code: number, message: RegExp): void {
  assert('failed' in answer, JSON.stringify(answer));
  const error: { readonly code?: number; readonly msg?: string } = answer.failed;
  assert.equal(error.code, code, JSON.stringify(error));
  assert.match(error.msg ?? '', message);
}

function empty(site: CniSite): void {
  assert.deepEqual(site.files(), { addresses: [], records: [] });
  assert.deepEqual(site.cables(), []);
}

test('containers are attached, reach each other, pass CHECK, and leave nothing behind', async (context) => {
  const site = new CniSite(context);
  site.container(1);
  site.container(2);
  assert.deepEqual(ips(await site.ask('ADD', 1)), ['10.5.1.2/24', 'fd00:5:1::2/64']);
  assert.deepEqual(ips(await site.ask('ADD', 2)), ['10.5.1.3/24', 'fd00:5:1::3/64']);
  for (const address of ['10.5.1.3', '10.5.1.1', 'fd00:5:1::3', 'fd00:5:1::1']) {
    execFileSync('ip', ['netns', 'exec', `${site.name}-c1`, 'ping', '-c', '1', '-W', '5', '-q', address]);
  }
  assert.deepEqual(await site.ask('CHECK', 1), DONE);
  assert.deepEqual(await site.ask('DEL', 1), DONE);
  assert.equal(site.inside(1, '-br', 'link', 'show', 'type', 'veth'), '');
  assert.deepEqual(await site.ask('DEL', 1), DONE, 'again');
  assert.deepEqual(await site.ask('DEL', 2), DONE);
  empty(site);
  assert.match(site.print('-br', 'address', 'show', 'dev', 'cni0'), /10\.5\.1\.1\/24/);
  assert.deepEqual(site.logged, []);
});

test('an address is used again only after a full round, also by an agent that was restarted', async (context) => {
  const site = new CniSite(context);
  site.container(1);
  const range = { ipam: { ranges: [[{ subnet: '10.5.1.0/24', rangeStart: '10.5.1.5', rangeEnd: '10.5.1.8' }]] } };
  const given: string[] = [];
  for (let round = 0; round < 6; round++) {
    given.push(...ips(await site.ask('ADD', 1, range)));
    await site.ask('DEL', 1, range);
    site.restart();
  }
  assert.deepEqual(given, ['10.5.1.5/24', '10.5.1.6/24', '10.5.1.7/24', '10.5.1.8/24', '10.5.1.5/24', '10.5.1.6/24']);
});

test('CHECK names what is gone', async (context) => {
  const site = new CniSite(context);
  site.container(1);
  const attached = await site.ask('ADD', 1);
  const cable = site.cables()[0] ?? '';
  const cases: readonly (readonly [() => void, RegExp])[] = [
    [() => site.inside(1, 'route', 'del', 'default'), /the route to 0\.0\.0\.0\/0 is missing/],
    [() => rmSync(join(site.folder, 'addresses/net/10.5.1.2')), /10\.5\.1\.2\/24 is not reserved/],
    [() => site.inside(1, 'address', 'del', '10.5.1.2/24', 'dev', 'eth0'), /eth0 has no address 10\.5\.1\.2\/24/],
    [() => site.print('link', 'set', cable, 'nomaster'), /is not plugged into cni0/],
    [() => site.print('link', 'set', cable, 'down'), /is not plugged into|is down/],
    [() => site.inside(1, 'link', 'set', 'eth0', 'address', '02:00:00:00:00:01'), /eth0 has the MAC 02:00/],
    [() => site.inside(1, 'link', 'set', 'eth0', 'down'), /eth0 is down/],
    [() => site.inside(1, 'link', 'del', 'eth0'), /has no interface eth0/],
  ];
  for (const [breakIt, message] of cases) {
    breakIt();
    refused(await site.ask('CHECK', 1), 101, message);
  }
  assert('ok' in attached);
  refused(await site.ask('CHECK', 1, { prevResult: attached.ok }), 101, /has no interface eth0/);
  refused(await site.ask('CHECK', 2, {}, { CNI_NETNS: `/run/netns/${site.name}-c1` }), 101, /c2 is not attached/);
  assert.deepEqual(await site.ask('DEL', 1), DONE);
  empty(site);
});

test('what cannot be attached is refused with a code, and nothing of it stays', async (context) => {
  const site = new CniSite(context);
  site.container(1);
  await context.test('a namespace that is not there', async () => {
    refused(await site.ask('ADD', 9), 3, /no network namespace at .*-c9/);
  });
  await context.test('a file that is no namespace, and the host itself', async () => {
    refused(await site.ask('ADD', 1, {}, { CNI_NETNS: site.subnetFile }), 4, /CNI_NETNS.*is no network namespace/);
    refused(await site.ask('ADD', 1, {}, { CNI_NETNS: `/run/netns/${site.name}` }), 4, /CNI_NETNS.*of the host itself/);
  });
  await context.test('a name that is no id', async () => {
    refused(await site.ask('ADD', 1, {}, { CNI_CONTAINERID: '../../etc' }), 4, /CNI_CONTAINERID/);
  });
  await context.test('an interface that exists', async () => {
    site.inside(1, 'link', 'add', 'eth0', 'type', 'bridge');
    refused(await site.ask('ADD', 1), 999, /container veth name provided \(eth0\) already exists/);
    site.inside(1, 'link', 'del', 'eth0');
  });
  await context.test('a bridge that is something else', async () => {
    site.print('link', 'add', 'odd', 'type', 'veth', 'peer', 'name', 'oddp');
    refused(await site.ask('ADD', 1, { bridge: 'odd' }), 999, /"odd" already exists but is not a bridge/);
    site.print('link', 'del', 'odd');
  });
  await context.test('no subnet file', async () => {
    refused(await site.ask('ADD', 1, { subnetFile: '/nonexistent/subnet.env' }), 11, /subnet\.env/);
    refused(
      await site.ask('STATUS', 1, { cniVersion: '1.1.0', subnetFile: '/nonexistent/subnet.env' }),
      50,
      /subnet\.env/,
    );
  });
  await context.test('a mode that is not there', async () => {
    refused(await site.ask('ADD', 1, { mode: 'macvlan' }), 2, /no mode: "macvlan"/);
  });
  empty(site);
});

test('a second ADD of one container is refused and harms the first nothing', async (context) => {
  const site = new CniSite(context);
  site.container(1);
  const [first, second] = await Promise.all([site.ask('ADD', 1), site.ask('ADD', 1)]);
  assert.equal(ips(first).length, 2);
  refused(second, 999, /c1 has interface eth0 already, duplicate allocation/);
  assert.deepEqual(await site.ask('CHECK', 1), DONE);
  assert.deepEqual(ips(await site.ask('ADD', 1, {}, { CNI_IFNAME: 'net1' }))[0], '10.5.1.3/24');
  await site.ask('DEL', 1, {}, { CNI_IFNAME: 'net1' });
  await site.ask('DEL', 1);
  empty(site);
});

test('a range that is used up says so; addresses of containers that vanished are given again, others never', async (context) => {
  const site = new CniSite(context);
  const small = { ipam: { ranges: [[{ subnet: '10.5.1.0/29', rangeStart: '10.5.1.2', rangeEnd: '10.5.1.3' }]] } };
  for (const number of [1, 2, 3]) site.container(number);
  await site.ask('ADD', 1, small);
  await site.ask('ADD', 2, small);
  refused(await site.ask('ADD', 3, small), 999, /no IP addresses available in range set: 10\.5\.1\.2-10\.5\.1\.3/);
  refused(await site.ask('STATUS', 3, { ...small, cniVersion: '1.1.0' }), 50, /no IP addresses available/);
  site.removeContainer(1);
  const deadline = performance.now() + 20_000;
  while (site.cables().length > 1 && performance.now() < deadline) await new Promise((done) => setTimeout(done, 20));
  assert.deepEqual(ips(await site.ask('ADD', 3, small)), ['10.5.1.2/29']);
  assert.deepEqual(site.files(), { addresses: ['10.5.1.2', '10.5.1.3'], records: ['c2:eth0', 'c3:eth0'] });
  assert.deepEqual(await site.ask('CHECK', 2, small), DONE);
});

test('a container whose path vanished while it still runs keeps its address', async (context) => {
  const site = new CniSite(context);
  const path = site.container(1);
  const other = join(site.folder, 'other');
  writeFileSync(other, '');
  execFileSync('mount', ['--bind', path, other]);
  const one = { ipam: { ranges: [[{ subnet: '10.5.1.0/29', rangeStart: '10.5.1.2', rangeEnd: '10.5.1.2' }]] } };
  await site.ask('ADD', 1, one);
  site.removeContainer(1);
  site.container(2);
  const second = await site.ask('ADD', 2, one);
  const gone = await site.ask('DEL', 1, one, { CNI_NETNS: '' });
  execFileSync('umount', [other]);
  refused(second, 999, /no IP addresses available/);
  assert.deepEqual(gone, DONE, 'without its namespace');
  empty(site);
});

test('what containers left that vanished while no agent ran is taken down at its first request', async (context) => {
  const site = new CniSite(context);
  site.container(1);
  site.container(2);
  await site.ask('ADD', 1);
  site.restart();
  site.removeContainer(1);
  await site.ask('ADD', 2);
  const deadline = performance.now() + 20_000;
  while (site.files().records.length > 1 && performance.now() < deadline)
    await new Promise((done) => setTimeout(done, 50));
  assert.deepEqual(site.files().records, ['c2:eth0']);
  assert.match(site.logged.join(''), /containers that vanished were taken down/);
});

test('GC keeps what the runtime names, also of other plugins, and removes all else', async (context) => {
  const site = new CniSite(context);
  for (const number of [1, 2]) site.container(number);
  await site.ask('ADD', 1);
  await site.ask('ADD', 2);
  writeFileSync(join(site.folder, 'addresses/net/10.5.1.77'), 'stranger\r\neth0');
  refused(await site.ask('GC', 1, { cniVersion: '1.1.0' }), 7, /GC without cni.dev\/valid-attachments/);
  const valid = [{ containerID: 'c2', ifname: 'eth0' }];
  assert.deepEqual(await site.ask('GC', 1, { cniVersion: '1.1.0', 'cni.dev/valid-attachments': valid }), DONE);
  assert.deepEqual(site.files(), { addresses: ['10.5.1.3', 'fd00:5:1::3'], records: ['c2:eth0'] });
  assert.equal(site.cables().length, 1);
  assert.deepEqual(await site.ask('CHECK', 2), DONE);
});

test('a full disk refuses an ADD with code 5 and leaves nothing', async (context) => {
  let room = true;
  const full = (): never => {
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  };
  const files = {
    ...systemFiles,
    replace: (path: string, text: string) => (room ? systemFiles.replace(path, text) : full()),
  };
  const site = new CniSite(context, { files });
  site.container(1);
  room = false;
  refused(await site.ask('ADD', 1), 5, /ENOSPC/);
  empty(site);
  room = true;
  assert.equal(ips(await site.ask('ADD', 1)).length, 2);
});

test('port mappings and masquerading are set up, pass CHECK, and go with the container', async (context) => {
  const site = new CniSite(context);
  writeFileSync(site.subnetFile, V4_ONLY);
  site.container(1);
  const ports = { runtimeConfig: { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }] } };
  await site.ask('ADD', 1, ports);
  assert.match(site.rules(), /--dport 8080 -j DNAT --to-destination 10\.5\.1\.2:80/);
  assert.match(site.rules(), /-s 10\.5\.1\.2\/32 .*-j CNI-/);
  assert.deepEqual(await site.ask('CHECK', 1, ports), DONE);
  execFileSync('nsenter', [`--net=/run/netns/${site.name}`, 'iptables', '-t', 'nat', '-F', 'CNI-HOSTPORT-DNAT']);
  refused(await site.ask('CHECK', 1, ports), 101, /traffic rules of container c1 are missing/);
  await site.ask('DEL', 1, ports);
  assert.doesNotMatch(site.rules(), /CNI-DN-|10\.5\.1\.2/);
  empty(site);
});

test('a bridge with an address of another lease is named, not changed', async (context: TestContext) => {
  const site = new CniSite(context);
  site.container(1);
  site.print('link', 'add', 'cni0', 'type', 'bridge');
  site.print('address', 'add', '10.5.9.1/24', 'dev', 'cni0');
  refused(await site.ask('ADD', 1), 999, /"cni0" already has an IP address different from 10\.5\.1\.1\/24/);
  empty(site);
  mkdirSync(join(site.folder, 'addresses'), { recursive: true });
  assert.match(site.print('-br', 'address', 'show', 'dev', 'cni0'), /10\.5\.9\.1\/24/);
});
