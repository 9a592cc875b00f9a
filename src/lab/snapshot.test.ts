import assert from 'node:assert/strict';
import { test } from 'node:test';
import { snapshotProblems } from './snapshot.ts';
import { snapshotOf } from './test-snapshot.ts';

const withoutAgent = snapshotOf(3, (host, index) => (index === 1 ? { ...host, agent: { running: false } } : host));

test('an agent that does not run is a problem, and with udp a worse one', () => {
  assert.deepEqual(snapshotProblems(withoutAgent), ['the agent on host2 does not run']);
  assert.deepEqual(snapshotProblems({ ...withoutAgent, backend: 'udp' }), [
    'the agent on host2 does not run, and its device flannel0 went with it: ' +
      'pod2 reaches nobody until weft lab start-agent host2',
  ]);
});

test('a lease of either family is one', () => {
  const ipv6Only = snapshotOf(3, ({ lease: _, ...host }) => ({ ...host, leaseIpv6: 'fd30:0:0:2b::/64' }));
  assert.deepEqual(snapshotProblems(ipv6Only), []);
  const none = snapshotOf(3, ({ lease, ...host }, index) =>
    index === 0 || lease === undefined ? host : { ...host, lease },
  );
  assert.deepEqual(snapshotProblems(none), ['host1 has no lease']);
});

test('what an agent reports as trouble is a problem; one that starts or does not answer is not', () => {
  const text = 'trouble: the store is away';
  const verdicts = [
    { state: 'trouble', text } as const,
    { state: 'starting', text: 'starting: x' } as const,
    undefined,
  ];
  const snapshot = snapshotOf(3, ({ agent, ...host }, index) => {
    const verdict = verdicts[index];
    return { ...host, agent: verdict === undefined ? agent : { ...agent, verdict } };
  });
  assert.deepEqual(snapshotProblems(snapshot), [`the agent on host1 reports ${text}`]);
});
