import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import {
  identifyProcess,
  isRunning,
  ownAncestry,
  type ProcessIdentity,
  processesWith,
  residentBytes,
  signalProcesses,
  waitUntilGone,
} from './process-identity.ts';

async function sleeper(context: TestContext, environment: Record<string, string> = {}): Promise<ProcessIdentity> {
  const child = spawn('sleep', ['60'], { env: { PATH: '/usr/bin:/bin', ...environment } });
  await once(child, 'spawn');
  // Until it has become the other program it is a copy of this one.
  while (!readFileSync(`/proc/${child.pid}/cmdline`, 'utf8').startsWith('sleep')) await setImmediate();
  context.after(() => child.kill('SIGKILL'));
  return identifyProcess(child.pid ?? 0) ?? assert.fail('it does not run');
}

test('a process is known by pid and start time, and another with its pid is not it', async (context) => {
  const identity = await sleeper(context);
  assert(isRunning(identity));
  assert(!isRunning({ ...identity, startTime: '1' }));
  assert((residentBytes(identity) ?? 0) > 100_000);
  signalProcesses([{ ...identity, startTime: '1' }], 'SIGKILL');
  assert(isRunning(identity));
  signalProcesses([identity], 'SIGKILL');
  assert.deepEqual(await waitUntilGone([identity], 5000), []);
  assert.equal(identifyProcess(identity.pid), undefined);
  assert.equal(residentBytes(identity), undefined);
});

test('those that do not end in time are named', async (context) => {
  const identity = await sleeper(context);
  assert.deepEqual(await waitUntilGone([identity], 20), [identity]);
});

test('a marked process is found, and only with the very same mark', async (context) => {
  const mark = `t${process.pid}`;
  const identity = await sleeper(context, { WEFT_TEST_MARK: mark });
  assert.deepEqual(processesWith('WEFT_TEST_MARK', mark), [identity]);
  assert.deepEqual(processesWith('WEFT_TEST_MARK', `${mark}x`), []);
  assert.deepEqual(processesWith('TEST_MARK', mark), []);
});

test('our own line of descent starts with us', () => {
  assert.deepEqual(ownAncestry().slice(0, 2), [process.pid, process.ppid]);
});
