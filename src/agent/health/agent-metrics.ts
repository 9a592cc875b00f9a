/** `/metrics`: the agent's report in numbers. Names are an interface (docs/operating/status.md). Loaded when first asked for. */
import { type AgentFace, statusReport } from '#agent/control/methods.ts';
import type { StatusReport } from '#agent/publish/status-report.ts';
import { type Metric, metricsText, type Sample } from './metrics-text.ts';

export function agentMetrics(agent: Pick<AgentFace, 'report' | 'store'>): string {
  return metricsText(metricsOf(statusReport(agent, { peers: false })));
}

export function metricsOf(report: StatusReport): readonly Metric[] {
  const { agent, counters, lease, peers, store, troubles, network, firewall } = report;
  return [
    gauge('weft_build_info', 'Version and commit of the agent, always 1.', {
      labels: { version: agent.version, commit: agent.commit },
      value: 1,
    }),
    gauge('weft_ready', 'Whether the subnet was handed out (READY).', flag(report.ready)),
    gauge(
      'weft_trouble',
      'What goes wrong now, by code of docs/faults.md, always 1; absent when all is well.',
      ...[...new Set(troubles.map(({ code }) => code))].map((code) => ({ labels: { code }, value: 1 })),
    ),
    gauge(
      'weft_network_info',
      'Backend of the network document, always 1.',
      ...(network === undefined ? [] : [{ labels: { backend: network.backend }, value: 1 }]),
    ),
    gauge('weft_peers', 'Peers that passed admission.', { value: peers.count }),
    gauge('weft_peers_held', 'Those of them whose keys vanished in a mass.', { value: peers.held?.count ?? 0 }),
    gauge(
      'weft_leases_refused',
      'Leases of others that are not used, or of which one family is not.',
      { labels: { severity: 'info' }, value: peers.refusedCount - peers.refusedWarnings },
      { labels: { severity: 'warning' }, value: peers.refusedWarnings },
    ),
    gauge(
      'weft_lease_info',
      'Subnets leased by this host, always 1.',
      ...(lease?.subnets ?? []).map((subnet) => ({ labels: { subnet }, value: 1 })),
    ),
    gauge(
      'weft_lease_expiry_timestamp_seconds',
      'When the lease ends if it is never renewed again; absent for a reservation.',
      ...moment(lease?.expiresAt),
    ),
    counter('weft_lease_renewals_total', 'Renewals of the lease.', counters.renewals),
    counter('weft_lease_renewal_failures_total', 'Renewals that failed.', counters.renewalsFailed),
    gauge('weft_store_connected', 'Whether etcd or Kubernetes answers.', flag(store.connected)),
    gauge(
      'weft_store_lost_timestamp_seconds',
      'Since when it does not; absent while it does.',
      ...moment(store.lostAt),
    ),
    counter('weft_store_interruptions_total', 'How often its watch was cut.', counters.storeInterruptions),
    counter('weft_passes_total', 'Comparisons of the kernel with what is wanted.', counters.passes),
    counter('weft_pass_failures_total', 'Those after which something was not as wanted.', counters.passesFailed),
    {
      name: 'weft_pass_duration_seconds',
      type: 'summary',
      help: 'How long they took.',
      samples: [
        { suffix: '_sum', value: counters.passSeconds },
        { suffix: '_count', value: counters.passes },
      ],
    },
    {
      name: 'weft_kernel_operations_total',
      type: 'counter',
      help: 'Operations handed to the kernel, refused ones too.',
      samples: Object.entries(counters.operations).map(([kind, value]) => ({ labels: { kind }, value })),
    },
    counter('weft_kernel_operation_failures_total', 'Operations that it refused.', counters.operationsRefused),
    gauge('weft_firewall_settled', 'Whether the traffic rules are as wanted.', flag(firewall.settled)),
    counter('weft_firewall_runs_total', 'Comparisons of the traffic rules with what is wanted.', counters.firewallRuns),
    counter('weft_firewall_run_failures_total', 'Those that failed.', counters.firewallRunsFailed),
    {
      name: 'weft_drift_repaired_total',
      type: 'counter',
      help: 'Objects that another program changed and that were put right.',
      samples: Object.entries(counters.drift.repaired).map(([kind, value]) => ({ labels: { kind }, value })),
    },
    counter('weft_drift_found_by_sweep_total', 'Those that no event announced.', counters.drift.foundBySweep),
    counter('weft_sweeps_total', 'Looks at everything afresh.', counters.drift.sweeps),
    counter('weft_fights_total', 'Objects that another program changed again and again.', counters.drift.fights),
    gauge('process_resident_memory_bytes', 'Resident memory size in bytes.', { value: agent.residentBytes }),
    counter('process_cpu_seconds_total', 'Total user and system CPU time spent in seconds.', agent.cpuSeconds),
    gauge(
      'process_start_time_seconds',
      'Start time of the process since the Unix epoch in seconds.',
      ...moment(agent.startedAt),
    ),
  ];
}

function gauge(name: string, help: string, ...samples: readonly Sample[]): Metric {
  return { name, type: 'gauge', help, samples };
}

function counter(name: string, help: string, value: number): Metric {
  return { name, type: 'counter', help, samples: [{ value }] };
}

function flag(value: boolean): Sample {
  return { value: value ? 1 : 0 };
}

function moment(text: string | undefined): readonly Sample[] {
  return text === undefined ? [] : [{ value: Date.parse(text) / 1000 }];
}
