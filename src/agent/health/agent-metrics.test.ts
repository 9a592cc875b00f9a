import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { RECORD, readyHost, TestFleet, TestHost } from '#agent/test-host.ts';
import { agentMetrics } from './agent-metrics.ts';
import { metricsText } from './metrics-text.ts';
import { type ReadMetric, readMetrics } from './test-metrics-text.ts';

const DOCUMENT = readFileSync(join(import.meta.dirname, '../../../docs/operating/status.md'), 'utf8');

function metricsOf(host: TestHost): ReadonlyMap<string, ReadMetric> {
  return readMetrics(agentMetrics({ report: () => host.report(), store: 'etcd' }));
}

/** The value of a sample, by its name with labels. */
function sampleOf(metrics: ReadonlyMap<string, ReadMetric>, sample: string): number | undefined {
  for (const { samples } of metrics.values()) if (samples.has(sample)) return samples.get(sample);
  return undefined;
}

test('a host that is ready and has a peer counts what it did', async () => {
  const { fleet, host } = await readyHost();
  await fleet.putLease('172.30.9.0-24', RECORD);
  await fleet.putLease('172.30.10.0-24', RECORD.replace('10.77.0.99', '10.77.0.11'));
  await fleet.pass(1000);
  const metrics = metricsOf(host);
  const report = host.report();
  for (const [sample, value] of [
    ['weft_ready', 1],
    ['weft_peers', 1],
    ['weft_network_info{backend="vxlan"}', 1],
    [`weft_lease_info{subnet="${report.lease?.subnets[0]}"}`, 1],
    ['weft_leases_refused{severity="warning"}', 1],
    ['weft_leases_refused{severity="info"}', 0],
    ['weft_lease_expiry_timestamp_seconds', Date.parse(report.lease?.expiresAt ?? '') / 1000],
    ['weft_store_connected', 1],
    ['weft_store_interruptions_total', 0],
    ['weft_kernel_operations_total{kind="route-add"}', report.counters.operations['route-add']],
    ['weft_kernel_operation_failures_total', 0],
    ['weft_passes_total', report.counters.passes],
    ['weft_pass_duration_seconds_count', report.counters.passes],
    ['weft_pass_duration_seconds_sum', report.counters.passSeconds],
    ['weft_firewall_settled', 1],
  ] as const) {
    assert.equal(sampleOf(metrics, sample), value, sample);
  }
  assert((sampleOf(metrics, 'process_resident_memory_bytes') ?? 0) > 1_000_000);
  assert((sampleOf(metrics, 'process_cpu_seconds_total') ?? 0) > 0);
  const age = Date.now() / 1000 - (sampleOf(metrics, 'process_start_time_seconds') ?? 0);
  assert(age > 0 && age < 3600, `${age} s`);
  assert.equal(metrics.has('weft_trouble'), false);
});

test('a host in trouble says since when, and by which code', async () => {
  const { fleet, host } = await readyHost();
  fleet.etcd.stop();
  await fleet.pass(24 * 3_600_000);
  const metrics = metricsOf(host);
  assert.equal(sampleOf(metrics, 'weft_store_connected'), 0);
  assert.equal(
    sampleOf(metrics, 'weft_store_lost_timestamp_seconds'),
    Date.parse(host.report().store.lostAt ?? '') / 1000,
  );
  assert.deepEqual([...(metrics.get('weft_trouble')?.samples ?? [])], [['weft_trouble{code="etcd.tcp"}', 1]]);
  assert((sampleOf(metrics, 'weft_lease_renewal_failures_total') ?? 0) > 0);
});

test('a host that has nothing yet leaves out what there is not', async () => {
  const host = new TestHost(new TestFleet(), 11);
  await host.start();
  const metrics = metricsOf(host);
  assert.equal(sampleOf(metrics, 'weft_ready'), 0);
  for (const name of ['weft_lease_info', 'weft_lease_expiry_timestamp_seconds', 'weft_network_info']) {
    assert.equal(metrics.has(name), false, name);
  }
});

test('every metric is in docs/operating/status.md', async () => {
  const { fleet, host } = await readyHost();
  const names = new Set(metricsOf(host).keys());
  fleet.etcd.stop();
  await fleet.pass(1000);
  for (const name of metricsOf(host).keys()) names.add(name);
  assert(names.size > 20, 'hardly any metric was found, so the test is broken');
  assert.deepEqual(
    [...names].filter((name) => !DOCUMENT.includes(`\`${name}`)),
    [],
  );
});

suite('the text', () => {
  test('escapes labels and help, and leaves out a metric without samples', () => {
    const text = metricsText([
      { name: 'a', type: 'gauge', help: 'x\\y\nz', samples: [{ labels: { l: 'q"\\\n' }, value: 1.5 }] },
      { name: 'b', type: 'gauge', help: 'none', samples: [] },
    ]);
    assert.equal(text, '# HELP a x\\\\y\\nz\n# TYPE a gauge\na{l="q\\"\\\\\\n"} 1.5\n');
    assert.deepEqual([...readMetrics(text).keys()], ['a']);
  });

  for (const [what, text] of [
    ['a sample without a type', 'a 1\n'],
    ['a type without a help', '# TYPE a gauge\na 1\n'],
    ['a sample of another name', '# HELP a b\n# TYPE a gauge\nb 1\n'],
    ['a value that is no number', '# HELP a b\n# TYPE a gauge\na x\n'],
    ['a metric that comes twice', '# HELP a b\n# TYPE a gauge\na 1\n# HELP a b\n# TYPE a gauge\na 1\n'],
    ['a sample that comes twice', '# HELP a b\n# TYPE a gauge\na 1\na 1\n'],
    ['a quote that is not escaped', '# HELP a b\n# TYPE a gauge\na{l="""} 1\n'],
    ['an end without a line end', '# HELP a b\n# TYPE a gauge\na 1'],
    ['a counter that is not called one', '# HELP a b\n# TYPE a counter\na 1\n'],
  ] as const) {
    test(`with ${what} is refused by the reader of these tests`, () => {
      assert.throws(() => readMetrics(text), assert.AssertionError);
    });
  }
});
