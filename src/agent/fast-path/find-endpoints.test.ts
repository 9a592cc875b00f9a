import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findEndpoints, type ObservedBridge } from './find-endpoints.ts';
import type { Endpoint } from './path-state.ts';

const MAC = '02:00:00:00:00:aa';
const OTHER_MAC = '02:00:00:00:00:bb';
const ADDRESS = 0x0a05_0102;
const ENDPOINT: Endpoint = { address: ADDRESS, port: 7, bridge: 3, podMac: MAC, bridgeMac: '02:00:00:00:00:01' };

function bridge(more: Partial<ObservedBridge> = {}): ObservedBridge {
  return {
    index: 3,
    name: 'cni0',
    mac: '02:00:00:00:00:01',
    ports: [
      { index: 7, name: 'veth7', obstacle: undefined },
      { index: 8, name: 'veth8', obstacle: undefined },
    ],
    neighbors: [{ address: ADDRESS, mac: MAC }],
    learned: [{ port: 7, mac: MAC }],
    obstacle: undefined,
    ...more,
  };
}

test('a Pod is where its neighbour entry and the bridge say together', () => {
  const { endpoints, ports } = findEndpoints([bridge()], [], 10);
  assert.deepEqual(endpoints, [ENDPOINT]);
  assert.deepEqual(ports, [
    { device: 'veth7', addresses: [ADDRESS], obstacle: undefined },
    { device: 'veth8', addresses: [], obstacle: 'its address is not known yet' },
  ]);
});

test('what was found holds when neighbour and bridge forget, since the fast path refreshes neither', () => {
  assert.deepEqual(findEndpoints([bridge({ neighbors: [], learned: [] })], [ENDPOINT], 10).endpoints, [ENDPOINT]);
});

const CONTRADICTED: readonly (readonly [how: string, more: Partial<ObservedBridge>, port: number | undefined])[] = [
  ['its port is gone', { ports: [], neighbors: [], learned: [] }, undefined],
  ['its MAC moved to another port', { learned: [{ port: 8, mac: MAC }] }, 8],
  [
    'its address has another MAC',
    { neighbors: [{ address: ADDRESS, mac: OTHER_MAC }], learned: [{ port: 8, mac: OTHER_MAC }] },
    8,
  ],
  ['its address does not answer', { neighbors: [{ address: ADDRESS, mac: undefined }] }, undefined],
  [
    'its MAC is in two places',
    {
      learned: [
        { port: 7, mac: MAC },
        { port: 8, mac: MAC },
      ],
    },
    undefined,
  ],
];

for (const [how, more, port] of CONTRADICTED) {
  test(`what was found no longer holds when ${how}`, () => {
    const { endpoints } = findEndpoints([bridge(more)], [ENDPOINT], 10);
    assert.deepEqual(
      endpoints.map((endpoint) => endpoint.port),
      port === undefined ? [] : [port],
    );
  });
}

test('an obstacle of the port or of the bridge keeps the Pod on the ordinary path, with the reason', () => {
  const shaped = bridge({ ports: [{ index: 7, name: 'veth7', obstacle: 'it has traffic control (tbf)' }] });
  assert.deepEqual(findEndpoints([shaped], [], 10), {
    endpoints: [],
    ports: [{ device: 'veth7', addresses: [ADDRESS], obstacle: 'it has traffic control (tbf)' }],
  });
  assert.deepEqual(findEndpoints([bridge({ obstacle: 'cni0 has traffic control (htb)' })], [], 10).endpoints, []);
});

test('Pods for which there is no room stay on the ordinary path', () => {
  const two = bridge({
    neighbors: [
      { address: ADDRESS, mac: MAC },
      { address: ADDRESS + 1, mac: OTHER_MAC },
    ],
    learned: [
      { port: 7, mac: MAC },
      { port: 8, mac: OTHER_MAC },
    ],
  });
  const { endpoints, ports } = findEndpoints([two], [], 1);
  assert.equal(endpoints.length, 1);
  assert.equal(ports[1]?.obstacle, 'more than 1 Pods');
});

test('a bridge that got another MAC is followed', () => {
  const [endpoint] = findEndpoints([bridge({ mac: OTHER_MAC, neighbors: [], learned: [] })], [ENDPOINT], 10).endpoints;
  assert.equal(endpoint?.bridgeMac, OTHER_MAC);
});
