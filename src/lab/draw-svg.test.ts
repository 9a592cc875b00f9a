import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { drawSvg } from './draw-svg.ts';
import { snapshotOf } from './test-snapshot.ts';

/** Compares with a file; after a change that is wanted run this file with --test-update-snapshots and look at it. */
function golden(context: TestContext, svg: string, name: string): void {
  context.assert.fileSnapshot(svg, join(import.meta.dirname, 'golden', name), { serializers: [String] });
}

test('three hosts are drawn as cards with tunnels, cables, switch and matrix', (context) => {
  golden(context, drawSvg(snapshotOf(3)), 'three-hosts.svg');
});

test('nine hosts, one cut off and one without agent, are drawn as a ring', (context) => {
  const snapshot = snapshotOf(9, (host, index) => {
    if (index === 4) return { ...host, uplink: 'cut' };
    return index === 5 ? { ...host, agent: { running: false } } : host;
  });
  golden(context, drawSvg(snapshot), 'nine-hosts.svg');
});

test('every host, tunnel and pair of fifty hosts is in the picture', () => {
  const svg = drawSvg(snapshotOf(50));
  assert.equal(svg.match(/class="chord"/g)?.length, (50 * 49) / 2);
  assert.equal(svg.match(/class="cell"/g)?.length, 50 * 49);
  assert.equal(svg.match(/class="cell self"/g)?.length, 50);
  for (let number = 1; number <= 50; number += 1) assert.match(svg, new RegExp(`>(★ )?host${number}<`));
});

test('a lab without a matrix is drawn as well', () => {
  const { matrix: _, ...snapshot } = snapshotOf(4);
  assert.match(drawSvg(snapshot), /host4/);
});

test('what etcd says cannot break out of the picture', () => {
  const snapshot = snapshotOf(3, (host) => ({ ...host, lease: '"><script>&\u0000' }));
  const svg = drawSvg(snapshot);
  assert(!svg.includes('<script') && !svg.includes('\u0000'));
  assert.match(svg, /&quot;&gt;&lt;script&gt;&amp;·/);
});

test('hosts that route have no tunnel ends in words, and each family has its matrix', () => {
  const { matrix, ...snapshot } = snapshotOf(3, ({ deviceMac: _, ...host }) => ({
    ...host,
    leaseIpv6: 'fd30:0:0:2b::/64',
  }));
  assert(matrix !== undefined);
  const podNetworks = [...snapshot.podNetworks, 'fd30::/56'];
  const svg = drawSvg({ ...snapshot, backend: 'host-gw', podNetworks, matrix, matrixIpv6: matrix });
  assert.match(svg, /Pods in 172\.30\.0\.0\/16 and fd30::\/56, host-gw/);
  assert.match(svg, />route between hosts</);
  assert.doesNotMatch(svg, />vtep<|VTEP/);
  assert.equal(svg.match(/fd30:0:0:2b::\/64/g)?.length, 3);
  assert.match(svg, /6 of 6 pairs answer over IPv4.*6 of 6 pairs answer over IPv6/s);
});
