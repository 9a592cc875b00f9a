import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type StatusSummary, statusText } from './status-text.ts';

const GOOD: StatusSummary = { subnets: ['172.30.71.0/24'], peers: 6, store: { connected: true }, fault: undefined };
const LOST = { connected: false, since: Date.UTC(2026, 1, 1, 10), fromCache: false } as const;

for (const [what, summary, text] of [
  ['all is well', GOOD, '172.30.71.0/24 leased, 6 peers'],
  ['there is one peer', { ...GOOD, peers: 1 }, '172.30.71.0/24 leased, 1 peer'],
  ['both families', { ...GOOD, subnets: ['10.0.0.0/24', 'fd00::/64'] }, '10.0.0.0/24 and fd00::/64 leased, 6 peers'],
  ['nothing is leased', { ...GOOD, subnets: [] }, 'no lease yet'],
  [
    'the store is away',
    { ...GOOD, store: LOST },
    '172.30.71.0/24 leased, 6 peers; store not reached since 2026-02-01T10:00:00Z',
  ],
  [
    'peers are held',
    { ...GOOD, held: { peers: 5, since: Date.UTC(2026, 1, 1, 10) } },
    '172.30.71.0/24 leased, 6 peers; 5 peers held: not in etcd since 2026-02-01T10:00:00Z',
  ],
  [
    'a single peer is held',
    { ...GOOD, held: { peers: 1, since: Date.UTC(2026, 1, 1, 10) } },
    '172.30.71.0/24 leased, 6 peers; 1 peer held: not in etcd since 2026-02-01T10:00:00Z',
  ],
  [
    'the store was never reached',
    { ...GOOD, store: { ...LOST, fromCache: true } },
    '172.30.71.0/24 leased, 6 peers; from cache, etcd unreachable since 2026-02-01T10:00:00Z',
  ],
  ['a fault lasts', { ...GOOD, fault: 'no way' }, '172.30.71.0/24 leased, 6 peers; last fault: no way'],
] as const) {
  test(`${what}: ${text}`, () => assert.equal(statusText(summary), text));
}

test('a fault in several lines, or of any length, stays one short line', () => {
  const text = statusText({ ...GOOD, fault: `a\nREADY=1\r\n\u0000${'x'.repeat(5000)}` });
  assert.match(text, /last fault: a READY=1 x+…$/);
  assert(text.length < 300);
});
