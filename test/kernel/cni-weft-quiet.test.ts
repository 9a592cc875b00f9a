/** Containers that are attached are no reason for the agent to look at what it has set up. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { OWN } from '#agent/kernel/kernel-under-test.ts';
import { NetlinkKernel } from '#agent/kernel/netlink-kernel.ts';
import type { Ownership } from '#agent/kernel/ownership.ts';
import { parseCidr } from '#model/ip.ts';
import { CniSite } from './cni-site.ts';

const NETWORKS = ['10.5.0.0/16', 'fd00:5::/48'].flatMap((text) => {
  const network = parseCidr(text);
  return network === undefined ? [] : [{ network, subnetLength: network.length === 16 ? 24 : 64 }];
});
const DUAL_STACK: Ownership = { ...OWN, networks: NETWORKS };

/** Until each cable has the address that the kernel gives it, and it is no longer looked for among the neighbours. */
async function settled(site: CniSite): Promise<void> {
  const deadline = performance.now() + 20_000;
  const ready = (): boolean => {
    const links = site.print('-6', 'address', 'show', 'scope', 'link');
    return !links.includes('tentative') && site.cables().every((name) => links.includes(`${name}@`));
  };
  while (!ready() && performance.now() < deadline) await pause(50);
  await pause(100);
}

test('the agent hears of addresses of this host, and not of those that its plugin and the kernel give for containers', async (context) => {
  const site = new CniSite(context);
  for (const number of [0, 1, 2, 3]) site.container(number);
  site.print('link', 'add', 'eth0', 'up', 'type', 'veth', 'peer', 'name', 'eth0p');
  site.print('link', 'set', 'eth0p', 'up');
  const kernel = new NetlinkKernel(`/run/netns/${site.name}`);
  context.after(() => kernel.close());
  // The bridge and its addresses are made once.
  await site.ask('ADD', 0);
  await settled(site);
  kernel.observe(DUAL_STACK);
  const heard: (string | undefined)[] = [];
  const end = kernel.watch(
    () => DUAL_STACK,
    (by) => void heard.push(by),
  );
  context.after(end);
  assert('ok' in (await site.ask('ADD', 1)));
  assert('ok' in (await site.ask('ADD', 2)));
  assert('ok' in (await site.ask('ADD', 3, { mode: 'ptp' })));
  await settled(site);
  assert.deepEqual(heard, []);
  for (const number of [1, 3]) assert.deepEqual(await site.ask('DEL', number), { ok: null });
  await pause(100);
  assert.deepEqual(heard, []);
  site.print('address', 'add', '10.5.9.1/24', 'dev', 'eth0p');
  const deadline = performance.now() + 20_000;
  while (heard.length === 0 && performance.now() < deadline) await pause(20);
  assert.equal(heard.length, 1);
  site.print('-6', 'address', 'add', 'fe80::77/64', 'dev', 'eth0', 'nodad');
  while (heard.length === 1 && performance.now() < deadline) await pause(20);
  assert.ok(heard.length > 1, 'a link-local address of the underlay');
});
