import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderStatus } from './render-status.ts';
import { troubledReport, wellReport } from './test-report.ts';

const PLAIN = { colours: false, wide: false };

test('all is well: the verdict, then a line for each thing', () => {
  assert.equal(
    renderStatus(wellReport(), PLAIN),
    `ok: 10.5.1.0/24, 2 peers, etcd connected

Lease      10.5.1.0/24, held for 1 h 59 min, renewed in 20 h 30 min, ends in 22 h
Network    10.5.0.0/16, backend vxlan
Interface  eth0, 10.77.0.11, MTU 1500, MTU for Pods 1450
Device     flannel.1, 8a:1b:af:8c:b2:78
Store      etcd connected
Peers      2
Firewall   iptables: forwarding and masquerading, in place
Kernel     4 passes of 2.5 ms, 4 operations written
Agent      weft 0.1.0 (abc), process 77, up 2 h, 46.0 MiB, 0.4 s of processor time
`,
  );
});

test('in trouble: the remedy below the verdict, and each trouble in full', () => {
  const page = renderStatus(troubledReport(), PLAIN);
  const what = 'the store is away: connection refused (https://10.0.0.1:2379)';
  assert(
    page.startsWith(`trouble: ${what}, since 2026-02-01T09:57:30.000Z; forwarding goes on
remedy: check that etcd runs there
`),
  );
  assert.match(page, /^Store {6}etcd not reached since 2026-02-01T09:57:30\.000Z \(2 min 30 s\): connection refused/m);
  assert(
    page.endsWith(`
Troubles
✗ ${what}
  since 2026-02-01T09:57:30.000Z (2 min 30 s, 3 failures)
  remedy: check that etcd runs there
  code:   etcd.tcp
`),
  );
});

test('wide: every peer, with how long it is known', () => {
  assert(
    renderStatus(wellReport(), { colours: false, wide: true }).endsWith(`
PEER          PUBLIC IP   MAC                KNOWN FOR
10.5.2.0/24   10.77.0.12  8a:1b:af:8c:b2:79  42 s
10.5.30.0/24  10.77.0.13  -                  -
`),
  );
  const alone = wellReport({ peers: { count: 0, list: [], refusedCount: 0, refusedWarnings: 0, refused: [] } });
  assert(renderStatus(alone, { colours: false, wide: true }).endsWith('\nno peers\n'));
});

test('refused leases are listed with the reason, five of them on the page and all when it is wide', () => {
  const refused = Array.from({ length: 7 }, (_, index) => ({
    subnets: [`10.5.${index}.0/24`],
    publicIp: '10.77.0.99',
    reason: 'it is ours',
    severity: 'warning' as const,
  }));
  const report = wellReport({ peers: { count: 0, list: [], refusedCount: 9, refusedWarnings: 9, refused } });
  const page = renderStatus(report, PLAIN);
  assert.match(page, /^Peers {6}0; 9 refused$/m);
  assert.equal(page.match(/it is ours/g)?.length, 5);
  assert.match(page, /and 4 more: weft status -o wide\n$/);
  const wide = renderStatus(report, { colours: false, wide: true });
  assert.equal(wide.match(/it is ours/g)?.length, 7);
  assert.match(wide, /and 2 more: weft status -o json/);
});

test('an agent that runs on its cache says so, and since when', () => {
  const store = { kind: 'etcd', connected: false, lostAt: '2026-02-01T10:00:00.000Z', fromCache: true } as const;
  const page = renderStatus({ ...wellReport(), store }, PLAIN);
  assert.match(page, /^Store +from cache, etcd unreachable since 2026-02-01T10:00:00\.000Z \(/m);
});

test('an agent that has only just started says what it does not know yet', () => {
  const { network: _network, lease: _lease, underlay: _underlay, ...rest } = wellReport();
  const page = renderStatus(
    {
      ...rest,
      ready: false,
      devices: [],
      verdict: { state: 'starting', text: 'starting: reading the network document' },
      store: { kind: 'etcd', connected: false },
      firewall: { masquerade: false, forward: false, settled: false },
      counters: { ...rest.counters, passes: 0, passSeconds: 0, operations: {}, operationsRefused: 1 },
    },
    PLAIN,
  );
  for (const line of [
    'starting: reading the network document',
    'Lease      none yet',
    'Network    not read yet',
    'Interface  none chosen yet',
    'Store      etcd not reached yet',
    'Firewall   no rules wanted, not in place yet',
    'Kernel     0 passes, 0 operations written, 1 refused',
  ]) {
    assert(page.split('\n').includes(line), `${line}\n${page}`);
  }
});

test('a reservation does not end, an address behind NAT is named, a lease that is over is said to be', () => {
  const { lease, underlay } = wellReport();
  const reserved = renderStatus(
    wellReport({
      lease: { subnets: ['10.5.1.0/24'], reservation: true, created: 1, modified: 1 },
      ...(underlay && { underlay: { ...underlay, addresses: [{ address: '10.0.0.1', publicIp: '192.0.2.1' }] } }),
    }),
    PLAIN,
  );
  assert.match(reserved, /^Lease {6}10\.5\.1\.0\/24, a reservation: it does not end$/m);
  assert.match(reserved, /10\.0\.0\.1 \(peers reach it at 192\.0\.2\.1\)/);
  const over = wellReport({ ...(lease && { lease: { ...lease, expiresAt: '2026-02-01T09:00:00.000Z' } }) });
  assert.match(renderStatus(over, PLAIN), /, expired$/m);
});

test('colours only where they are wanted; text from strangers never moves the cursor', () => {
  const evil = wellReport({
    verdict: { state: 'trouble', text: 'trouble: \u001b[2J', remedy: '\u0007' },
    troubles: [{ code: 'x', what: '\u001b]0;', remedy: '\r', since: '2026-02-01T09:57:30.000Z', failures: 1 }],
  });
  assert.equal(/[\p{Cc}]/u.test(renderStatus(evil, PLAIN).replaceAll('\n', '')), false);
  assert(renderStatus(wellReport(), { colours: true, wide: false }).startsWith('\u001b[32mok\u001b[39m: 10.5.1.0/24'));
});

test('with the fast path the page says which Pods it serves, and why not the others', () => {
  const counters = { sentPackets: 2, sentBytes: 200, receivedPackets: 1, receivedBytes: 100, trackedPackets: 0 };
  const pods = [
    { device: 'veth7', addresses: ['10.5.1.2'], path: 'fast' },
    { device: 'veth8', addresses: ['10.5.1.3'], path: 'ordinary', reason: 'it is down' },
    { device: 'veth9', addresses: [], path: 'ordinary', reason: 'its address is not known yet' },
  ] as const;
  const text = renderStatus(wellReport({ fastPath: { state: 'on', pods, counters } }), PLAIN);
  assert.match(text, /Fast path +on for 1 of 3 Pods, 3 packets carried\n/);
  assert.match(
    text,
    / 10\.5\.1\.3 \(veth8\) on the ordinary path: it is down\n +veth9 on the ordinary path: its address/,
  );
  const refused = renderStatus(wellReport({ fastPath: { state: 'refused', reason: 'no BTF', pods } }), PLAIN);
  assert.match(refused, /Fast path +not in use: no BTF\n/);
  assert.doesNotMatch(refused, /on the ordinary path/);
  assert.match(renderStatus(wellReport({ fastPath: { state: 'starting', pods: [] } }), PLAIN), /not in place yet\n/);
});
