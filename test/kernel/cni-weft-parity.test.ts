/** The plugin `weft` beside Debian's chain of bridge, host-local and portmap: the same result, the same kernel, the same files. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { PORTS, picture, runGo } from './cni-chain.ts';
import { CniSite, type Config, SUBNET_ENV } from './cni-site.ts';

const SETTINGS = {
  host: [
    'net.ipv4.ip_forward',
    'net.ipv6.conf.all.forwarding',
    'net.ipv4.conf.cni0.route_localnet',
    'net.ipv6.conf.cni0.accept_ra',
  ],
  container: ['net.ipv4.conf.eth0.arp_notify', 'net.ipv6.conf.eth0.accept_dad', 'net.ipv6.conf.eth0.disable_ipv6'],
};

/** What the plugin flannel with the usual list has its delegate do for `SUBNET_ENV`. */
function delegate(site: CniSite, ipMasq: boolean): Config {
  return {
    cniVersion: '1.0.0',
    name: 'net',
    type: 'bridge',
    bridge: 'cni0',
    hairpinMode: true,
    isDefaultGateway: true,
    isGateway: true,
    ipMasq,
    mtu: 1450,
    ipam: {
      type: 'host-local',
      dataDir: join(site.folder, 'addresses'),
      ranges: [[{ subnet: '10.5.1.0/24' }], [{ subnet: 'fd00:5:1::/64' }]],
      routes: [{ dst: '10.5.0.0/16' }, { dst: 'fd00:5::/48' }],
    },
  };
}

function goAdd(site: CniSite, number: number, ipMasq: boolean): unknown {
  const prevResult: unknown = JSON.parse(runGo(site, 'ADD', number, delegate(site, ipMasq)));
  return JSON.parse(
    runGo(site, 'ADD', number, { cniVersion: '1.0.0', name: 'net', type: 'portmap', runtimeConfig: PORTS, prevResult }),
  );
}

function goDel(site: CniSite, number: number, ipMasq: boolean): void {
  runGo(site, 'DEL', number, { cniVersion: '1.0.0', name: 'net', type: 'portmap', runtimeConfig: PORTS });
  runGo(site, 'DEL', number, delegate(site, ipMasq));
}

/** The kernel says a moment later that a bridge with a port is up. */
async function settled(site: CniSite): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!site.print('link', 'show', 'cni0').includes('state UP') && performance.now() < deadline) await pause(20);
}

for (const ipMasq of [false, true]) {
  test(`weft sets up what bridge, host-local and portmap set up, ipMasq ${ipMasq}`, async (context) => {
    const theirs = new CniSite(context);
    theirs.container(1);
    mkdirSync(join(theirs.folder, 'addresses'));
    const chained = goAdd(theirs, 1, ipMasq);
    await settled(theirs);
    const expected = picture(theirs, chained, SETTINGS);
    const ours = new CniSite(context);
    writeFileSync(ours.subnetFile, SUBNET_ENV.replace('IPMASQ=true', `IPMASQ=${!ipMasq}`));
    ours.container(1);
    const answer = await ours.ask('ADD', 1, { runtimeConfig: PORTS });
    assert('ok' in answer, JSON.stringify(answer));
    await settled(ours);
    // Go writes an empty `dns` where the specification asks for none.
    const actual = picture(ours, { ...answer.ok, dns: {} }, SETTINGS);
    assert.deepEqual(actual, expected);
    goDel(theirs, 1, ipMasq);
    assert.deepEqual(await ours.ask('DEL', 1, { runtimeConfig: PORTS }), { ok: null });
    assert.equal(ours.rules().replace(/^#.*\n/gm, ''), theirs.rules().replace(/^#.*\n/gm, ''));
    assert.deepEqual(ours.files(), { addresses: theirs.files().addresses, records: [] });
    assert.deepEqual([ours.cables(), theirs.cables()], [[], []]);
  });
}

test('each takes down what the other has attached, and gives no address that the other has given', async (context: TestContext) => {
  const site = new CniSite(context);
  for (const number of [1, 2, 3, 4]) site.container(number);
  mkdirSync(join(site.folder, 'addresses'));
  goAdd(site, 1, true);
  const ours = await site.ask('ADD', 2, { ipMasq: true, runtimeConfig: PORTS });
  goAdd(site, 3, true);
  assert.match(JSON.stringify(await site.ask('ADD', 1)), /container veth name provided \(eth0\) already exists/);
  assert.match(JSON.stringify(ours), /"10\.5\.1\.3\/24"/);
  assert.deepEqual(site.files().addresses, [
    '10.5.1.2',
    '10.5.1.3',
    '10.5.1.4',
    'fd00:5:1::2',
    'fd00:5:1::3',
    'fd00:5:1::4',
  ]);
  goDel(site, 2, true);
  assert.deepEqual(await site.ask('DEL', 2), { ok: null });
  assert.deepEqual(await site.ask('DEL', 1), { ok: null });
  assert.deepEqual(await site.ask('DEL', 3), { ok: null });
  assert.deepEqual(site.files(), { addresses: [], records: [] });
  assert.deepEqual(site.cables(), []);
  assert.doesNotMatch(site.rules(), /CNI-DN-|10\.5\.1/);
});
