/** hosts/bridge.ts on a real bridge: what ip says of it, and that it goes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readBridge, removeBridge } from '#hosts/bridge.ts';
import { namespaceHost } from '#hosts/namespace.ts';
import { mustRun } from '#runtime/command.ts';
import { Fault } from '#runtime/fault.ts';

test('a bridge has its addresses but for the link-local one, its MTU and its ports, and can be removed', async (context) => {
  const namespace = `weft-bridge-${process.pid}`;
  await mustRun({ argv: ['ip', 'netns', 'add', namespace], why: 'make a namespace' });
  context.after(() => mustRun({ argv: ['ip', 'netns', 'del', namespace], why: 'remove it' }));
  const host = namespaceHost({ name: 'host', namespace });
  assert.equal(await readBridge(host, 'br7'), undefined);
  const lines = [
    'link add br7 mtu 1450 type bridge',
    'address add 172.30.71.1/24 dev br7',
    'address add fd30::1/64 dev br7 nodad',
    'link set br7 up',
  ];
  const batch = { argv: ['ip', '-batch', '-'], why: 'make a bridge' };
  assert.equal((await host.run({ ...batch, stdin: `${lines.join('\n')}\n` })).code, 0);
  const bare = await readBridge(host, 'br7');
  assert.deepEqual(bare, { name: 'br7', addresses: ['172.30.71.1/24', 'fd30::1/64'], mtu: 1450, ports: [] });
  const plug = 'link add veth7 mtu 1450 type veth peer name other7\nlink set veth7 master br7 up\n';
  assert.equal((await host.run({ ...batch, stdin: plug })).code, 0);
  assert.deepEqual((await readBridge(host, 'br7'))?.ports, ['veth7']);
  await removeBridge(host, 'br7');
  assert.equal(await readBridge(host, 'br7'), undefined);
  await assert.rejects(removeBridge(host, 'br7'), (error) => error instanceof Fault && error.code === 'command.failed');
});
