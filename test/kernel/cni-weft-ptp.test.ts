/** Mode `ptp` of the plugin `weft` beside Debian's ptp, host-local and portmap: the same result, the same kernel; and by itself. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { CniAnswer } from '#cni/weft/cni-service.ts';
import { PORTS, picture, runGo } from './cni-chain.ts';
import { CniSite, type Config } from './cni-site.ts';

const DONE = { ok: null };
const PTP = { mode: 'ptp' };
const ROUTES = [{ dst: '0.0.0.0/0' }, { dst: '::/0' }];

/** Those of the lease are added by the plugin itself. */
function theirConfig(site: CniSite, ipMasq: boolean): Config {
  return {
    cniVersion: '1.0.0',
    name: 'net',
    type: 'ptp',
    ipMasq,
    mtu: 1450,
    ipam: {
      type: 'host-local',
      dataDir: join(site.folder, 'addresses'),
      ranges: [[{ subnet: '10.5.1.0/24' }], [{ subnet: 'fd00:5:1::/64' }]],
      routes: [...ROUTES, { dst: '10.5.0.0/16' }, { dst: 'fd00:5::/48' }],
    },
  };
}

const PORTMAP = { cniVersion: '1.0.0', name: 'net', type: 'portmap', runtimeConfig: PORTS };

function theyAdd(site: CniSite, number: number, ipMasq: boolean): unknown {
  const prevResult: unknown = JSON.parse(runGo(site, 'ADD', number, theirConfig(site, ipMasq)));
  return JSON.parse(runGo(site, 'ADD', number, { ...PORTMAP, prevResult }));
}

function theyDelete(site: CniSite, number: number, ipMasq: boolean): void {
  runGo(site, 'DEL', number, PORTMAP);
  runGo(site, 'DEL', number, theirConfig(site, ipMasq));
}

function settingsOf(site: CniSite): { readonly host: readonly string[]; readonly container: readonly string[] } {
  return {
    host: [
      'net.ipv4.ip_forward',
      'net.ipv6.conf.all.forwarding',
      ...site.cables().map((name) => `net.ipv4.conf.${name}.route_localnet`),
    ],
    container: ['net.ipv6.conf.eth0.disable_ipv6'],
  };
}

/** The host's end has the kernel's own address some time after it is up. */
async function settled(site: CniSite): Promise<void> {
  const deadline = performance.now() + 20_000;
  const ready = (): boolean => {
    const all = site.print('address', 'show', 'scope', 'link') + site.inside(1, 'address', 'show', 'scope', 'link');
    return all.split('inet6 fe80').length === 3;
  };
  while (!ready() && performance.now() < deadline) await pause(20);
}

function refused(answer: CniAnswer, code: number, message: RegExp): void {
  assert('failed' in answer, JSON.stringify(answer));
  const error: { readonly code?: number; readonly msg?: string } = answer.failed;
  assert.equal(error.code, code, JSON.stringify(error));
  assert.match(error.msg ?? '', message);
}

for (const ipMasq of [false, true]) {
  test(`weft sets up what ptp, host-local and portmap set up, ipMasq ${ipMasq}`, async (context) => {
    const theirs = new CniSite(context);
    theirs.container(1);
    mkdirSync(join(theirs.folder, 'addresses'));
    const chained = theyAdd(theirs, 1, ipMasq);
    await settled(theirs);
    const expected = picture(theirs, chained, settingsOf(theirs));
    const ours = new CniSite(context);
    ours.container(1);
    const answer = await ours.ask('ADD', 1, { ...PTP, ipMasq, ipam: { routes: ROUTES }, runtimeConfig: PORTS });
    assert('ok' in answer, JSON.stringify(answer));
    await settled(ours);
    assert.deepEqual(picture(ours, { ...answer.ok, dns: {} }, settingsOf(ours)), expected);
    theyDelete(theirs, 1, ipMasq);
    assert.deepEqual(await ours.ask('DEL', 1, PTP), DONE);
    assert.equal(ours.rules().replace(/^#.*\n/gm, ''), theirs.rules().replace(/^#.*\n/gm, ''));
    assert.deepEqual(ours.files(), { addresses: theirs.files().addresses, records: [] });
    assert.deepEqual([ours.cables(), theirs.cables()], [[], []]);
    assert.equal(ours.print('route'), theirs.print('route'));
  });
}

test('each takes down what the other has attached', async (context: TestContext) => {
  const site = new CniSite(context);
  for (const number of [1, 2]) site.container(number);
  mkdirSync(join(site.folder, 'addresses'));
  theyAdd(site, 1, true);
  await site.ask('ADD', 2, { ...PTP, ipMasq: true, runtimeConfig: PORTS });
  assert.deepEqual(site.files().addresses, ['10.5.1.2', '10.5.1.3', 'fd00:5:1::2', 'fd00:5:1::3']);
  assert.deepEqual(await site.ask('DEL', 1, PTP), DONE);
  theyDelete(site, 2, true);
  assert.deepEqual(await site.ask('DEL', 2, PTP), DONE);
  assert.deepEqual(site.files(), { addresses: [], records: [] });
  assert.deepEqual(site.cables(), []);
  assert.doesNotMatch(site.rules(), /CNI-DN-|10\.5\.1/);
});

test('containers by direct links reach each other and the gateway, with a default route that nobody asked for', async (context) => {
  const site = new CniSite(context);
  site.container(1);
  site.container(2);
  const first = await site.ask('ADD', 1, PTP);
  await site.ask('ADD', 2, PTP);
  assert.match(JSON.stringify(first), /"dst":"0\.0\.0\.0\/0","gw":"10\.5\.1\.1"/);
  assert.match(site.inside(1, 'route', 'show', 'default'), /default via 10\.5\.1\.1 dev eth0/);
  assert.match(site.inside(1, '-6', 'route', 'show', 'default'), /default via fd00:5:1::1 dev eth0/);
  for (const address of ['10.5.1.3', '10.5.1.1', 'fd00:5:1::3', 'fd00:5:1::1']) {
    execFileSync('ip', ['netns', 'exec', `${site.name}-c1`, 'ping', '-c', '1', '-W', '5', '-q', address]);
  }
  assert.equal(site.print('-br', 'link', 'show', 'type', 'bridge'), '');
  for (const cable of site.cables()) {
    const setting = `net.ipv6.conf.${cable}.accept_dad`;
    const argv = [`--net=/run/netns/${site.name}`, 'sysctl', '-n', setting];
    assert.equal(execFileSync('nsenter', argv, { encoding: 'utf8' }), '0\n');
  }
  for (const number of [1, 2]) assert.deepEqual(await site.ask('CHECK', number, PTP), DONE);
  assert('ok' in first);
  assert.deepEqual(await site.ask('CHECK', 1, { ...PTP, prevResult: first.ok }), DONE);
});

test('CHECK names what is gone of a direct link', async (context) => {
  const site = new CniSite(context);
  site.container(1);
  await site.ask('ADD', 1, PTP);
  const cable = site.cables()[0] ?? '';
  const cases: readonly (readonly [() => void, RegExp])[] = [
    [() => site.inside(1, 'route', 'del', 'default'), /the route to 0\.0\.0\.0\/0 is missing/],
    [() => site.print('-6', 'route', 'del', 'fd00:5:1::2'), /the host has no route to fd00:5:1::2 by veth/],
    [() => site.print('route', 'del', '10.5.1.2'), /the host has no route to 10\.5\.1\.2 by veth/],
    [() => site.print('address', 'del', '10.5.1.1/32', 'dev', cable), /veth\w+ has no address 10\.5\.1\.1/],
    [() => site.print('link', 'set', cable, 'down'), /is down/],
    [() => site.print('link', 'del', cable), /has no interface eth0/],
  ];
  for (const [breakIt, message] of cases) {
    breakIt();
    refused(await site.ask('CHECK', 1, PTP), 101, message);
  }
});

test('GC and a host that lost its containers take direct links down', async (context) => {
  const site = new CniSite(context);
  for (const number of [1, 2]) site.container(number);
  await site.ask('ADD', 1, PTP);
  await site.ask('ADD', 2, PTP);
  const valid = [{ containerID: 'c2', ifname: 'eth0' }];
  assert.deepEqual(await site.ask('GC', 1, { ...PTP, cniVersion: '1.1.0', 'cni.dev/valid-attachments': valid }), DONE);
  assert.deepEqual(site.files(), { addresses: ['10.5.1.3', 'fd00:5:1::3'], records: ['c2:eth0'] });
  assert.equal(site.cables().length, 1);
  assert.doesNotMatch(site.print('route'), /10\.5\.1\.2/);
});

test('a host that refuses the route gives nothing away', async (context) => {
  const site = new CniSite(context);
  site.container(1);
  site.print('link', 'add', 'odd', 'up', 'type', 'veth', 'peer', 'name', 'oddp');
  site.print('route', 'add', '10.5.1.2/32', 'dev', 'odd');
  refused(await site.ask('ADD', 1, PTP), 999, /failed to route to the container by "veth/);
  assert.deepEqual(site.files(), { addresses: [], records: [] });
  assert.deepEqual(site.cables(), []);
});
