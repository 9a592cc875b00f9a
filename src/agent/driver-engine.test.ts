import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Engine } from '#agent/backends/engine.ts';
import type { EngineState } from '#agent/backends/engine-state.ts';
import { Fault } from '#runtime/fault.ts';
import { TestFleet, TestHost } from './test-host.ts';

const UDP = { Network: '172.30.0.0/16', SubnetLen: 24, Backend: { Type: 'udp' } };

/** A host of the udp backend whose engine is `converge`; its device is there from the start. */
async function udpHost(
  converge: (wanted: EngineState) => Promise<number>,
): Promise<{ fleet: TestFleet; host: TestHost }> {
  const fleet = new TestFleet();
  await fleet.configure(UDP);
  const host = new TestHost(fleet, 11);
  const engine: Engine = { identity: undefined, converge, watch: () => undefined, close: () => undefined };
  host.engines = { udp: () => engine };
  host.kernel.setLink({ index: 9, name: 'flannel0', kind: 'tun', mtu: 1472, mac: '', up: true });
  return { fleet, host };
}

test('a host is not ready before its engine has the peers', async () => {
  const hold = Promise.withResolvers<number>();
  let calls = 0;
  const { fleet, host } = await udpHost(async () => {
    calls += 1;
    return calls === 1 ? 0 : hold.promise;
  });
  await host.start();
  await fleet.pass(1000);
  assert.ok(calls >= 2);
  assert.equal(host.ready, false);
  hold.resolve(0);
  await fleet.pass(1000);
  assert.ok(host.ready, host.logged.join('\n'));
});

test('an engine that cannot work with the old address gets the new one', async () => {
  const bound: string[] = [];
  let broken = false;
  const { fleet, host } = await udpHost(async (wanted) => {
    const text = JSON.stringify(wanted, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
    if (broken && bound.at(-1) === text) throw new Fault('kernel.tun', { what: 'the address is gone' });
    bound.push(text);
    return 0;
  });
  await host.start();
  await fleet.pass(1000);
  assert.ok(host.ready);
  broken = true;
  const [address] = host.kernel.host().addresses;
  assert.ok(address !== undefined && typeof address.address === 'number');
  host.kernel.setAddresses([{ ...address, address: address.address + 7 }]);
  await fleet.pass(20_000);
  assert.equal(host.said('interface changed').length, 1);
});

test('the end waits for an engine at work, and what that throws meanwhile harms nobody', async () => {
  const hold = Promise.withResolvers<number>();
  let calls = 0;
  const { fleet, host } = await udpHost(async () => {
    calls += 1;
    return calls === 1 ? 0 : hold.promise;
  });
  await host.start();
  await fleet.pass(1000);
  let ended = false;
  const stopping = host.stop().then(() => {
    ended = true;
  });
  await fleet.settle();
  assert.equal(ended, false);
  hold.reject(new Error('EBADF'));
  await stopping;
});
