import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testControl } from '#agent/control/test-socket.ts';
import { Fault } from '#runtime/fault.ts';
import { askStatus, askStatusOrExplain, explain } from './ask-status.ts';
import { wellReport } from './test-report.ts';

const SILENT = new Fault('agent.not-running', { what: 'no agent answers', where: '/a', why: 'there is no socket' });

for (const [what, agents, expected] of [
  [
    'there is no agent',
    [],
    { message: 'no agent answers', why: /^there is no socket, and no process here/, remedy: /systemctl start/ },
  ],
  [
    'an agent listens elsewhere',
    [{ pid: 5, socket: '/b' }],
    {
      message: /process 5, does not answer at this socket/,
      why: 'its socket is /b',
      remedy: 'weft status --socket /b',
    },
  ],
  [
    'an agent has no socket',
    [{ pid: 5, socket: '' }],
    { why: /started without one/, remedy: 'start it with -control-socket' },
  ],
  [
    'an agent should listen here',
    [{ pid: 5, socket: '/a' }],
    { why: /could not open its control socket$/, remedy: /its log/ },
  ],
  [
    'an agent should listen here by default',
    [{ pid: 5, socket: undefined }],
    { why: /^there is no socket: it started/ },
  ],
] as const) {
  test(`when ${what}, that is said`, () => {
    assert.throws(
      () => {
        throw explain(SILENT, agents);
      },
      { code: 'agent.not-running', where: '/a', ...expected },
    );
  });
}

test('peers are asked for when they are wanted', async (t) => {
  const asked: unknown[] = [];
  const run = (params: unknown) => {
    asked.push(params);
    return wellReport();
  };
  const { path } = await testControl(t, { status: { run, patienceMs: 10_000 } });
  assert.deepEqual(await askStatus({ socket: path, peers: true }), wellReport());
  await askStatus({ socket: path, peers: false, timeoutMs: 10_000 });
  assert.deepEqual(asked, [{ peers: true }, { peers: false }]);
});

test('a report of another format is refused with the remedy, and other faults stay what they are', async (t) => {
  const run = () => ({ ...wellReport(), format: 2 });
  const { path } = await testControl(t, { status: { run, patienceMs: 10_000 } });
  await assert.rejects(askStatusOrExplain({ socket: path, peers: false }), {
    code: 'agent.answer',
    message: /another format/,
    remedy: /weft version/,
  });
});
