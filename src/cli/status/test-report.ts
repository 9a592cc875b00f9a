/** A report of an agent that never was, for the tests of the page. */
import type { StatusReport } from '#agent/publish/status-report.ts';

/** All is well; the report was made at 10:00:00 on 2026-02-01, two hours after the agent's start. */
export function wellReport(more: Partial<StatusReport> = {}): StatusReport {
  return {
    format: 1,
    verdict: { state: 'ok', text: 'ok: 10.5.1.0/24, 2 peers, etcd connected' },
    agent: {
      version: '0.1.0',
      commit: 'abc',
      pid: 77,
      startedAt: '2026-02-01T08:00:00.000Z',
      uptimeSeconds: 7200,
      residentBytes: 46 * 1024 * 1024,
      cpuSeconds: 0.44,
    },
    ready: true,
    network: { backend: 'vxlan', cidrs: ['10.5.0.0/16'], document: '{"Network":"10.5.0.0/16"}' },
    lease: {
      subnets: ['10.5.1.0/24'],
      reservation: false,
      heldSince: '2026-02-01T08:00:01.000Z',
      renewedAt: '2026-02-01T08:00:01.000Z',
      renewsAt: '2026-02-02T06:30:00.000Z',
      expiresAt: '2026-02-02T08:00:01.000Z',
      created: 4,
      modified: 9,
    },
    underlay: {
      interface: 'eth0',
      mtu: 1500,
      podMtu: 1450,
      addresses: [{ address: '10.77.0.11', publicIp: '10.77.0.11' }],
    },
    devices: [{ name: 'flannel.1', mac: '8a:1b:af:8c:b2:78' }],
    store: { kind: 'etcd', connected: true },
    peers: {
      count: 2,
      list: [
        {
          subnets: ['10.5.2.0/24'],
          publicIp: '10.77.0.12',
          mac: '8a:1b:af:8c:b2:79',
          since: '2026-02-01T09:59:18.000Z',
        },
        { subnets: ['10.5.30.0/24'], publicIp: '10.77.0.13' },
      ],
      refusedCount: 0,
      refusedWarnings: 0,
      refused: [],
    },
    firewall: { mode: 'iptables', masquerade: true, forward: true, settled: true },
    troubles: [],
    counters: {
      passes: 4,
      passesFailed: 0,
      passSeconds: 0.01,
      operations: { 'route-add': 2, 'neighbor-replace': 2 },
      operationsRefused: 0,
      renewals: 0,
      renewalsFailed: 0,
      storeInterruptions: 0,
      firewallRuns: 1,
      firewallRunsFailed: 0,
      drift: { repaired: { device: 0, route: 2 }, sweeps: 3, foundBySweep: 1, fights: 0 },
    },
    ...more,
  };
}

/** etcd is away since 09:57:30. */
export function troubledReport(): StatusReport {
  const what = 'the store is away: connection refused (https://10.0.0.1:2379)';
  const since = '2026-02-01T09:57:30.000Z';
  const remedy = 'check that etcd runs there';
  return wellReport({
    verdict: { state: 'trouble', text: `trouble: ${what}, since ${since}; forwarding goes on`, remedy },
    store: { kind: 'etcd', connected: false, lostAt: since, why: 'connection refused (https://10.0.0.1:2379)' },
    troubles: [{ code: 'etcd.tcp', what, remedy, since, failures: 3 }],
  });
}
