import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { readyHost } from '#agent/test-host.ts';
import { ManualClock } from '#runtime/clock.ts';
import { askAgent } from './ask-agent.ts';
import { type LateControl, startLateControl } from './late-control.ts';
import type { AgentFace } from './methods.ts';
import { socketPath, testControl, testLog } from './test-socket.ts';

interface Late {
  readonly control: LateControl;
  readonly clock: ManualClock;
  readonly logged: readonly string[];
}

async function late(t: TestContext, path: string): Promise<Late> {
  const { host } = await readyHost();
  const agent: AgentFace = {
    report: () => host.report(),
    store: 'etcd',
    serveCni: async () => null,
  };
  const clock = new ManualClock();
  const logged: string[] = [];
  const control = startLateControl({ path, agent, clock, log: testLog(logged) });
  t.after(() => control.close());
  return { control, clock, logged };
}

/** Waits for what takes its time on another thread; gives up by failing. */
async function until(passes: () => boolean): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!passes()) {
    assert(performance.now() < deadline, 'it did not come');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test('it opens when it is told to, once, and answers with the report of the agent', async (t) => {
  const path = socketPath(t);
  const { control, clock, logged } = await late(t, path);
  assert.equal(existsSync(path), false);
  control.open();
  control.open();
  await until(() => existsSync(path));
  clock.advance(10_000);
  const report = await askAgent({ socket: path, method: 'status' });
  assert.match(JSON.stringify(report), /^\{"format":1,"verdict":\{"state":"ok","text":"ok: 172\.30\./);
  await assert.rejects(askAgent({ socket: path, method: 'status', params: { peers: 'all' } }), {
    code: 'agent.request',
    message: 'peers is neither true nor false',
  });
  assert.deepEqual(logged, []);
  await control.close();
  assert.equal(existsSync(path), false);
});

test('an agent that does not get ready can be asked why after a second', async (t) => {
  const path = socketPath(t);
  const { clock } = await late(t, path);
  clock.advance(999);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(existsSync(path), false);
  clock.advance(1);
  await until(() => existsSync(path));
});

test('without a path there is none', async (t) => {
  const { control, clock, logged } = await late(t, '');
  control.open();
  clock.advance(10_000);
  await control.close();
  assert.deepEqual(logged, []);
});

test('a socket that cannot be opened is a warning with a remedy, and tried again when the operator asks', async (t) => {
  const other = await testControl(t);
  const { control, logged } = await late(t, other.path);
  control.open();
  await until(() => logged.length > 0);
  assert.match(logged[0] ?? '', /^<4>.*control socket not opened.*code=agent\.control-socket.*remedy=/);
  await other.close();
  control.open();
  await until(() => existsSync(other.path));
  assert.match(JSON.stringify(await askAgent({ socket: other.path, method: 'status' })), /"format":1/);
});

test('an end that comes while it opens leaves no socket', async (t) => {
  const path = socketPath(t);
  const { control } = await late(t, path);
  control.open();
  await control.close();
  control.open();
  assert.equal(existsSync(path), false);
});
