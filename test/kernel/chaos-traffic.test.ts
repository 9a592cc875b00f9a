/** The meter of the chaos run: what is lost is counted, what is late is told, and a calm network gives nothing. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { enterNamespace, namespaceHost } from '#hosts/namespace.ts';
import { mustRun } from '#runtime/command.ts';
import { Traffic } from '../../chaos/traffic/traffic.ts';

const NAMESPACE = `weft-traffic-${process.pid}`;
const ENDS = [
  { number: 1, namespace: NAMESPACE, address: '127.0.0.1' },
  { number: 2, namespace: NAMESPACE, address: '127.0.0.2' },
];
const FLOWS = ['pod1 → pod2', 'pod2 → pod1'];
/** Far longer than the traffic program keeps a gap open. */
const TELL_MS = 300;

const host = namespaceHost({ name: NAMESPACE, namespace: NAMESPACE });

async function startTraffic(context: TestContext): Promise<Traffic> {
  const directory = mkdtempSync(join(tmpdir(), 'weft-traffic-'));
  context.after(() => rmSync(directory, { recursive: true }));
  await mustRun({ argv: ['ip', 'netns', 'add', NAMESPACE], why: 'make a namespace' });
  context.after(() => mustRun({ argv: ['ip', 'netns', 'del', NAMESPACE], why: 'remove it' }));
  await setLoopback('up');
  const { signal } = new AbortController();
  const traffic = await Traffic.start(ENDS, { directory, environment: {}, signal });
  context.after(() => traffic[Symbol.asyncDispose]());
  return traffic;
}

function setLoopback(state: 'up' | 'down'): Promise<unknown> {
  return host.run({ argv: ['ip', 'link', 'set', 'lo', state], why: `set the loopback ${state}` });
}

/** A queue before the loopback: what comes faster waits. */
function queue(verb: 'add' | 'change', rate: string): Promise<unknown> {
  const argv = ['tc', 'qdisc', verb, 'dev', 'lo', 'root', 'tbf', 'rate', rate, 'burst', '2000', 'limit', '1000000'];
  return mustRun({ argv: enterNamespace(NAMESPACE, argv), why: 'put a queue before the loopback' });
}

test('datagrams that a network swallows are counted on every flow, with the time that it took', async (context) => {
  const traffic = await startTraffic(context);
  await setLoopback('down');
  await pause(400);
  await setLoopback('up');
  await pause(TELL_MS);
  const gaps = traffic.gaps.filter(({ lost }) => lost > 0);
  assert.deepEqual(gaps.map(({ flow }) => flow).toSorted(), FLOWS);
  for (const { flow, lost, startedMs, endedMs } of gaps) {
    assert(lost >= 20, `${flow} lost ${lost} of about 40`);
    assert(endedMs - startedMs >= 390, `${flow} was interrupted for ${endedMs - startedMs} ms only`);
  }
});

test('a datagram that waits on its way is a gap without a loss', async (context) => {
  const traffic = await startTraffic(context);
  await queue('add', '8kbit');
  await pause(600);
  await queue('change', '100mbit');
  await pause(TELL_MS);
  const late = traffic.gaps.filter(({ startedMs, endedMs }) => endedMs - startedMs > 150);
  assert.deepEqual([...new Set(late.map(({ flow }) => flow))].toSorted(), FLOWS);
  assert.equal(
    late.reduce((sum, { lost }) => sum + lost, 0),
    0,
  );
  assert((await traffic.look()).some(({ longestDelayMs }) => longestDelayMs >= 150));
});

test('a program that is held up by the machine makes no gap, neither as sender nor as receiver', async (context) => {
  const traffic = await startTraffic(context);
  const [, second = 0] = traffic.pids;
  process.kill(second, 'SIGSTOP');
  await pause(400);
  process.kill(second, 'SIGCONT');
  await pause(TELL_MS);
  const long = traffic.gaps.filter(({ lost, startedMs, endedMs }) => lost > 0 || endedMs - startedMs > 200);
  assert.deepEqual(long, []);
});

test('a traffic program that ends is an error at the next look, not a silence', async (context) => {
  const traffic = await startTraffic(context);
  process.kill(traffic.pids[0] ?? 0, 'SIGKILL');
  await pause(TELL_MS);
  await assert.rejects(traffic.look(), /a traffic program ended with SIGKILL/);
});
