import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parse } from 'yaml';
import { socketPath, testControl } from '#agent/control/test-socket.ts';
import type { StatusReport } from '#agent/publish/status-report.ts';
import { runOperator } from '#cli/main.ts';
import { troubledReport, wellReport } from '#cli/status/test-report.ts';
import { TestOperator, testContext } from '#cli/test-context.ts';
import { statusCommand } from './status.ts';

function answering(report: () => StatusReport) {
  return { status: { run: report, patienceMs: 10_000 } };
}

test('a host that is well: one page and code 0; in trouble: code 1', async (t) => {
  let report = wellReport();
  const { path } = await testControl(
    t,
    answering(() => report),
  );
  const operator = new TestOperator([statusCommand]);
  const well = await operator.run(`status --socket ${path}`);
  assert.equal(well.code, 0, well.notes);
  assert.match(well.out, /^ok: 10\.5\.1\.0\/24, 2 peers, etcd connected\n\nLease /);
  report = troubledReport();
  const troubled = await operator.run(`status --socket ${path}`);
  assert.equal(troubled.code, 1);
  assert.match(troubled.out, /^trouble: the store is away/);
  assert.equal(troubled.notes, '');
});

test('an agent that is starting is not well yet', async (t) => {
  const verdict = { state: 'starting', text: 'starting: leasing a subnet' } as const;
  const { path } = await testControl(
    t,
    answering(() => wellReport({ verdict })),
  );
  assert.equal((await new TestOperator([statusCommand]).run(`status --socket ${path}`)).code, 1);
});

test('json and yaml are the report itself, wide is the page with the peers', async (t) => {
  const { path } = await testControl(
    t,
    answering(() => wellReport()),
  );
  const operator = new TestOperator([statusCommand]);
  assert.deepEqual(JSON.parse((await operator.run(`status --socket ${path} -o json`)).out), wellReport());
  assert.deepEqual(parse((await operator.run(`status --socket ${path} -o yaml`)).out), wellReport());
  assert.match((await operator.run(`status --socket ${path} -o wide`)).out, /\nPEER .*\n10\.5\.2\.0\/24 /);
});

test('the socket is the one of the variable, unless there is a flag', async (t) => {
  const { path } = await testControl(
    t,
    answering(() => wellReport()),
  );
  const operator = new TestOperator([statusCommand]);
  operator.environment = { WEFT_CONTROL_SOCKET: path };
  assert.equal((await operator.run('status')).code, 0);
  const nowhere = await operator.run('status --socket /nowhere/agent.sock');
  assert.equal(nowhere.code, 1);
  assert.match(nowhere.notes, /where: {2}\/nowhere\/agent\.sock\n/);
});

test('no agent: code 1, what is true, and a remedy; as JSON for programs', async (t) => {
  const path = socketPath(t);
  const operator = new TestOperator([statusCommand]);
  const { code, out, notes } = await operator.run(`status --socket ${path}`);
  assert.deepEqual([code, out], [1, '']);
  assert.match(notes, /^error: .*does not answer|no agent answers/);
  assert.match(notes, /code: {3}agent\.not-running\n$/);
  const json = await operator.run(`status --socket ${path} -o json`);
  assert.equal(JSON.parse(json.notes).error.code, 'agent.not-running');
});

suite('--watch', () => {
  test('shows the page again and again, and an agent that goes, until Ctrl-C', async (t) => {
    const server = await testControl(
      t,
      answering(() => wellReport()),
    );
    const interrupt = new AbortController();
    const pages: string[] = [];
    const { context } = testContext({
      interactive: true,
      catchInterrupt: () => interrupt.signal,
      write: (page) => {
        pages.push(page);
        if (pages.length === 2) void server.close();
        if (page.includes('agent.not-running')) interrupt.abort();
      },
    });
    assert.equal(await runOperator(context, ['status', '--watch', '--socket', server.path], [statusCommand]), 0);
    assert(pages.length >= 3);
    assert(pages[0]?.startsWith('\u001b[H\u001b[Jok: 10.5.1.0/24'));
    assert.match(pages.at(-1) ?? '', /agent\.not-running/);
  });

  for (const words of ['--watch', '--watch -o json']) {
    test(`${words} is refused where nobody looks`, async () => {
      const { code, notes } = await new TestOperator([statusCommand]).run(`status ${words}`);
      assert.equal(code, 2);
      assert.match(notes, /--watch is for people at a terminal/);
    });
  }
});
