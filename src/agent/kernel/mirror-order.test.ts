import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#runtime/clock.ts';
import type { Kernel } from './kernel.ts';
import { MirrorKernel } from './mirror-kernel.ts';
import type { Ownership } from './ownership.ts';
import type { NeighborEntry, Observed } from './state.ts';

const OWNERSHIP: Ownership = {
  devices: ['flannel.1'],
  networks: [],
  underlay: 'eth0',
  underlayRoutes: 'ours',
  hostRoutes: false,
  blackholes: false,
};

const [A, B]: readonly NeighborEntry[] = [1, 2].map((address) => ({
  device: 'flannel.1',
  address,
  mac: '8a:00:00:00:00:01',
}));

function mirrorOf(neighbors: readonly (NeighborEntry | undefined)[]): MirrorKernel {
  const observed: Observed = {
    links: [],
    addresses: [],
    ownAddresses: [],
    neighbors: neighbors.flatMap((entry) => entry ?? []),
    fdb: [],
    nexthops: [],
    takenNexthops: new Set(),
    routes: [],
    hostRoutes: [],
  };
  const kernel: Kernel = {
    host: () => ({ links: [], addresses: [], defaultRoutes: {} }),
    observe: () => observed,
    apply: () => ({ applied: 0, failed: [] }),
    watch: () => () => undefined,
    close: () => undefined,
  };
  const mirror = new MirrorKernel(kernel, new ManualClock());
  mirror.watch(
    () => OWNERSHIP,
    () => undefined,
  );
  return mirror;
}

test('what stands there is remembered in the order in which it is wanted', () => {
  const mirror = mirrorOf([B, A]);
  mirror.observe(OWNERSHIP);
  const neighbors = [A, B].flatMap((entry) => entry ?? []);
  mirror.remember({ neighbors, fdb: [], nexthops: [], routes: [] });
  assert.equal(mirror.observe(OWNERSHIP).neighbors, neighbors);
});

test('where more stands than is wanted the order is left as it was seen', () => {
  const mirror = mirrorOf([B, A]);
  const seen = mirror.observe(OWNERSHIP).neighbors;
  mirror.remember({ neighbors: [A].flatMap((entry) => entry ?? []), fdb: [], nexthops: [], routes: [] });
  assert.equal(mirror.observe(OWNERSHIP).neighbors, seen);
});

test('before the first look there is nothing to be remembered', () => {
  const mirror = mirrorOf([A]);
  mirror.remember({ neighbors: [], fdb: [], nexthops: [], routes: [] });
  assert.equal(mirror.observe(OWNERSHIP).neighbors.length, 1);
});
