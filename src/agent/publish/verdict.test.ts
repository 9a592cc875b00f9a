import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FabricReport, LeaseReport, TroubleReport } from './status-report.ts';
import { verdictOf } from './verdict.ts';

const LEASE: LeaseReport = { subnets: ['10.5.1.0/24'], reservation: false, created: 4, modified: 4 };
const NETWORK = { backend: 'vxlan', cidrs: ['10.5.0.0/16'], document: '{}' };
const UNDERLAY = { interface: 'eth0', mtu: 1500, podMtu: 1450, addresses: [] };
const GOOD: FabricReport = {
  ready: true,
  network: NETWORK,
  lease: LEASE,
  underlay: UNDERLAY,
  devices: [],
  store: { connected: true },
  peers: { count: 6, refusedCount: 0, refusedWarnings: 0, refused: [] },
  firewall: { masquerade: false, forward: true, settled: true },
  troubles: [],
  counters: {
    passes: 1,
    passesFailed: 0,
    passSeconds: 0.001,
    operations: {},
    operationsRefused: 0,
    renewals: 0,
    renewalsFailed: 0,
    storeInterruptions: 0,
    firewallRuns: 1,
    firewallRunsFailed: 0,
    drift: { repaired: { device: 0, route: 2 }, sweeps: 3, foundBySweep: 1, fights: 0 },
  },
};
const { network: _network, lease: _lease, underlay: _underlay, ...BARE } = { ...GOOD, ready: false };
const TROUBLE: TroubleReport = {
  code: 'etcd.tcp',
  what: 'the store is away: connection refused',
  remedy: 'check that etcd runs there',
  since: '2026-02-01T10:00:00.000Z',
  failures: 1,
};
const SINCE = 'since 2026-02-01T10:00:00.000Z';

for (const [what, report, text] of [
  ['all is well', GOOD, 'ok: 10.5.1.0/24, 6 peers, etcd connected'],
  ['there is one peer', { ...GOOD, peers: { ...GOOD.peers, count: 1 } }, 'ok: 10.5.1.0/24, 1 peer, etcd connected'],
  [
    'both families are leased',
    { ...GOOD, lease: { ...LEASE, subnets: ['10.5.1.0/24', 'fd00:5:1::/64'] } },
    'ok: 10.5.1.0/24 and fd00:5:1::/64, 6 peers, etcd connected',
  ],
  [
    'a lease of another host is refused',
    { ...GOOD, peers: { ...GOOD.peers, refusedCount: 3, refusedWarnings: 1 } },
    'ok: 10.5.1.0/24, 6 peers, etcd connected, 1 lease refused',
  ],
  [
    'peers are held',
    { ...GOOD, peers: { ...GOOD.peers, held: { count: 3, since: '2026-02-01T10:00:00.000Z' } } },
    'ok: 10.5.1.0/24, 6 peers, 3 of them held: not in etcd since 2026-02-01T10:00:00.000Z, etcd connected',
  ],
  [
    'the store has not answered yet',
    { ...GOOD, store: { connected: false, lostAt: '2026-02-01T10:00:00.000Z', fromCache: true } },
    'ok: 10.5.1.0/24, 6 peers, from cache, etcd unreachable since 2026-02-01T10:00:00.000Z',
  ],
  [
    'something is wrong',
    { ...GOOD, troubles: [TROUBLE] },
    `trouble: the store is away: connection refused, ${SINCE}; forwarding goes on`,
  ],
  [
    'several things are wrong before the agent is ready',
    { ...BARE, troubles: [TROUBLE, TROUBLE] },
    `trouble: the store is away: connection refused, ${SINCE} (and 1 more)`,
  ],
  ['nothing is known yet', BARE, 'starting: reading the network document'],
  ['there is no interface yet', { ...BARE, network: NETWORK }, 'starting: looking for the interface'],
  ['there is no lease yet', { ...BARE, network: NETWORK, underlay: UNDERLAY }, 'starting: leasing a subnet'],
  ['it is not ready yet', { ...GOOD, ready: false }, 'starting: 10.5.1.0/24 leased, programming the kernel'],
] as const) {
  test(`when ${what}: ${text}`, () => {
    const verdict = verdictOf(report, 'etcd');
    assert.equal(verdict.text, text);
    assert(text.startsWith(`${verdict.state}: `));
    assert.equal(verdict.remedy, report.troubles[0]?.remedy);
  });
}

test('the store is named as what it is', () => {
  assert.match(verdictOf(GOOD, 'Kubernetes').text, /Kubernetes connected$/);
});
