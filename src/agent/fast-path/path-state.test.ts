import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MemoryPathKernel } from './memory-path-kernel.ts';
import { decodeEndpoint, decodeFabric, encodeAddress, encodeEndpoint, encodeFabric } from './path-records.ts';
import { diffPath, type Endpoint, operationText, type PathFabric, samePath, type WantedPath } from './path-state.ts';

const mac = fc
  .uint8Array({ minLength: 6, maxLength: 6 })
  .map((bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':'));
const index = fc.integer({ min: 1, max: 2 ** 31 - 1 });
const ipv4 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const endpoint: fc.Arbitrary<Endpoint> = fc.record({
  address: ipv4,
  port: index,
  bridge: index,
  podMac: mac,
  bridgeMac: mac,
});
const fabric: fc.Arbitrary<PathFabric> = fc.record({
  network: fc.record({ address: ipv4, length: fc.integer({ min: 0, max: 32 }) }),
  subnet: fc.record({ address: ipv4, length: fc.integer({ min: 0, max: 32 }) }),
  tunnel: index,
});
const wanted: fc.Arbitrary<WantedPath | undefined> = fc.option(
  fc.record({ fabric, endpoints: fc.uniqueArray(endpoint, { selector: ({ address }) => address, maxLength: 8 }) }),
  { nil: undefined },
);

test('records read as they were written', () => {
  fc.assert(
    fc.property(endpoint, (value) =>
      assert.deepEqual(decodeEndpoint(encodeAddress(value.address), encodeEndpoint(value)), structuredClone(value)),
    ),
  );
  fc.assert(
    fc.property(fabric, (value) => assert.deepEqual(decodeFabric(encodeFabric(value)), structuredClone(value))),
  );
});

test('from any state the difference leads to any other, and then there is none', () => {
  fc.assert(
    fc.property(wanted, wanted, (before, after) => {
      const kernel = new MemoryPathKernel();
      kernel.apply(diffPath(before, kernel.observe()));
      kernel.apply(diffPath(after, kernel.observe()));
      assert.deepEqual(diffPath(after, kernel.observe()), []);
      assert.equal(kernel.observe().endpoints.length, after?.endpoints.length ?? 0);
    }),
  );
});

const ONE: WantedPath = {
  fabric: { network: { address: 0x0a05_0000, length: 16 }, subnet: { address: 0x0a05_0100, length: 24 }, tunnel: 4 },
  endpoints: [
    { address: 0x0a05_0102, port: 7, bridge: 3, podMac: '02:00:00:00:00:aa', bridgeMac: '02:00:00:00:00:01' },
  ],
};

test('what programs look at is written before they stand, and goes after them', () => {
  const kernel = new MemoryPathKernel();
  const come = diffPath(ONE, kernel.observe());
  assert.deepEqual(come.map(operationText), [
    'write the network (device 4)',
    'write Pod 10.5.1.2 (device 7)',
    'attach from_tunnel to device 4',
    'attach from_pod to device 7',
  ]);
  kernel.apply(come);
  assert.deepEqual(diffPath(undefined, kernel.observe()).map(operationText), [
    'detach from device 4',
    'detach from device 7',
    'delete Pod 10.5.1.2',
  ]);
});

test('two wants are the same when all of them is', () => {
  assert(samePath(ONE, structuredClone(ONE)));
  assert(samePath(undefined, undefined));
  assert(!samePath(ONE, undefined));
  assert(!samePath(ONE, { ...ONE, endpoints: [] }));
  assert(!samePath(ONE, { ...ONE, fabric: { ...ONE.fabric, tunnel: 5 } }));
  assert(!samePath(ONE, { ...ONE, endpoints: ONE.endpoints.map((each) => ({ ...each, port: 9 })) }));
});
