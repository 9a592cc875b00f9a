/** The plugin `weft` with what a runtime asks for by itself: this address, this MAC. Given as asked, or refused; never passed over. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CniAnswer } from '#cni/weft/cni-service.ts';
import { CniSite, type Config } from './cni-site.ts';

const POD = 'IgnoreUnknown=1;K8S_POD_NAME=web';

function add(site: CniSite, number: number, args: string, more: Config = {}): Promise<CniAnswer> {
  return site.ask('ADD', number, more, { CNI_ARGS: args });
}

function refused(answer: CniAnswer, code: number, message: RegExp): void {
  assert('failed' in answer, JSON.stringify(answer));
  const error: { readonly code?: number; readonly msg?: string } = answer.failed;
  assert.equal(error.code, code, JSON.stringify(error));
  assert.match(error.msg ?? '', message);
}

test('the address and the MAC that are asked for are given, and the round goes on behind them', async (context) => {
  const site = new CniSite(context);
  for (const number of [1, 2, 3]) site.container(number);
  await add(site, 1, `${POD};IP=10.5.1.77;MAC=02:00:00:00:00:77`);
  assert.match(site.inside(1, 'address', 'show', 'dev', 'eth0'), /ether 02:00:00:00:00:77/);
  await add(site, 2, POD);
  await add(site, 3, '', { runtimeConfig: { ips: ['fd00:5:1::99', '10.5.1.9/24'] } });
  assert.deepEqual(site.files().addresses, [
    '10.5.1.77',
    '10.5.1.78',
    '10.5.1.9',
    'fd00:5:1::2',
    'fd00:5:1::3',
    'fd00:5:1::99',
  ]);
  for (const number of [1, 2, 3]) {
    assert.deepEqual(await site.ask('CHECK', number, {}, { CNI_ARGS: POD }), { ok: null });
    assert.deepEqual(await site.ask('DEL', number, {}, { CNI_ARGS: 'nonsense' }), { ok: null });
  }
  assert.deepEqual(site.files(), { addresses: [], records: [] });
});

test('what cannot be given as asked is refused, and nothing of it stays', async (context) => {
  const site = new CniSite(context);
  for (const number of [1, 2]) site.container(number);
  await add(site, 1, 'IP=10.5.1.7');
  const before = site.files();
  for (const [args, code, message, more] of [
    [
      'IP=10.5.1.7',
      999,
      /requested IP address 10\.5\.1\.7 is not available in range set 10\.5\.1\.1-10\.5\.1\.254/,
      {},
    ],
    ['IP=10.5.1.1', 999, /requested ip 10\.5\.1\.1 is subnet's gateway/, {}],
    ['IP=10.6.0.1', 999, /failed to allocate all requested IPs: 10\.6\.0\.1/, {}],
    ['IP=10.5.1.8', 999, /failed to allocate all requested IPs: 10\.5\.1\.9/, { args: { cni: { ips: ['10.5.1.9'] } } }],
    ['IP=fd00:5:1::8;A=1', 4, /CNI_ARGS: unknown args \[A\]/, {}],
    [`${POD};GATEWAY=10.5.1.1`, 2, /GATEWAY/, {}],
  ] as const) {
    refused(await add(site, 2, args, more), code, message);
    assert.deepEqual(site.files(), before, args);
    assert.equal(site.cables().length, 1, args);
  }
});

test('an address of a container that vanished is given to who asks for it', async (context) => {
  const site = new CniSite(context);
  for (const number of [1, 2]) site.container(number);
  await add(site, 1, 'IP=10.5.1.7');
  site.removeContainer(1);
  const deadline = performance.now() + 20_000;
  while (site.cables().length > 0 && performance.now() < deadline) await new Promise((done) => setTimeout(done, 20));
  assert('ok' in (await add(site, 2, 'IP=10.5.1.7')));
  assert.deepEqual(site.files().records, ['c2:eth0']);
});
