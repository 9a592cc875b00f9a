/**
 * npm test: unit tests in parallel, the simulation, then the real ones (kernel, etcd, cluster) one file at a time. The last line is
 * `N passed, N failed`, and nothing else is on it.
 */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { run } from 'node:test';
import { type Group, ON_REQUEST, parseSelection, selectFiles } from './test-groups.ts';
import { addTo, type Failure, type GroupResult, reportGroup } from './test-report.ts';

const root = join(import.meta.dirname, '..');
/** What takes longer hangs: all unit tests together, one file of the others. */
const BATCH_TIMEOUT_MS: Readonly<Record<Group, number>> = {
  unit: 300_000,
  sim: 600_000,
  kernel: 120_000,
  etcd: 180_000,
  cluster: 600_000,
  machines: 900_000,
};

// Every test file is a process of its own, and this would cost each of them 45 ms.
delete process.env['NODE_EXTRA_CA_CERTS'];

const startedMs = performance.now();
const total: GroupResult = { passed: 0, skipped: 0, failures: [] };
const groups = selectFromCommandLine();
for (const [group, files] of groups) if (files.length > 0) addTo(total, await runGroup(group, files));
const { passed, skipped, failures } = total;
for (const failure of failures) printFailure(failure);
if (passed + failures.length === 0) console.log('no test was found, which is a failure');
for (const group of ON_REQUEST) {
  if (!groups.has(group) && groups.size > 1) console.log(`not part of this run: npm run test:${group}`);
}
console.log(`\n${seconds(startedMs)}${skipped === 0 ? '' : `, ${skipped} skipped or to do`}`);
console.log(`${passed} passed, ${failures.length} failed`);
process.exitCode = failures.length > 0 || passed === 0 ? 1 : 0;

function selectFromCommandLine(): ReadonlyMap<Group, readonly string[]> {
  try {
    return selectFiles(root, parseSelection(process.argv.slice(2)));
  } catch (error) {
    console.error(`npm test: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(2);
  }
}

async function runGroup(group: Group, files: readonly string[]): Promise<GroupResult> {
  console.log(`${group}: ${files.length} files`);
  const groupStartedMs = performance.now();
  const result: GroupResult = { passed: 0, skipped: 0, failures: [] };
  for (const batch of group === 'unit' ? [files] : files.map((file) => [file])) {
    if (group !== 'unit') console.log(batch.join(' '));
    addTo(result, await runBatch(group, batch));
  }
  console.log(`${group}: ${result.passed} passed, ${result.failures.length} failed in ${seconds(groupStartedMs)}\n`);
  return result;
}

function runBatch(group: Group, files: readonly string[]): Promise<GroupResult> {
  const timeoutMs = BATCH_TIMEOUT_MS[group];
  const stream = run({
    files: files.map((file) => join(root, file)),
    concurrency: availableParallelism(),
    timeout: timeoutMs,
    // The time-out of node:test fails a test but leaves a process that does not end; this ends it.
    signal: AbortSignal.timeout(timeoutMs + 2000),
    cwd: root,
  });
  return reportGroup(stream, root, group !== 'unit', (text) => process.stdout.write(text));
}

function printFailure(failure: Failure): void {
  console.log(`✘ ${failure.file}: ${failure.name}`);
  console.log(failure.text.replaceAll(/^/gm, '    '));
}

function seconds(sinceMs: number): string {
  return `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`;
}
