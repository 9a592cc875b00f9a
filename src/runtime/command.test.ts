import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatArgv, mustRun, runCommand } from './command.ts';
import { Fault } from './fault.ts';

test('output, error output and exit code come back as they are', async () => {
  const output = await runCommand({ argv: ['sh', '-c', 'cat; echo oops >&2; exit 7'], stdin: 'grüße', why: 'try' });
  assert.deepEqual(output, { code: 7, stdout: 'grüße', stderr: 'oops\n' });
});

test('the environment given is added to our own', async () => {
  const output = await mustRun({
    argv: ['sh', '-c', 'echo "$THREAD:$PATH"'],
    environment: { THREAD: 'warp' },
    why: 'try',
  });
  const { PATH } = process.env;
  assert.equal(output.stdout, `warp:${PATH}\n`);
});

test('a command that has to succeed and does not is a Fault with its own words', async () => {
  const fault = await mustRun({ argv: ['sh', '-c', 'echo no such thread >&2; exit 3'], why: 'pull the thread' }).catch(
    (e) => e,
  );
  assert(fault instanceof Fault);
  assert.equal(fault.code, 'command.failed');
  assert.equal(fault.message, 'could not pull the thread');
  assert.equal(fault.why, 'exit code 3: no such thread');
});

test('a program that is not installed is named', async () => {
  const fault = await runCommand({ argv: ['weft-no-such-program', '--now'], why: 'try' }).catch((e) => e);
  assert(fault instanceof Fault);
  assert.match(fault.summary, /weft-no-such-program is not installed or not on PATH/);
});

test('a command that hangs is ended at its time-out', async () => {
  const started = performance.now();
  const fault = await runCommand({ argv: ['sleep', '20'], timeoutMs: 50, why: 'wait' }).catch((e) => e);
  assert(fault instanceof Fault);
  assert.equal(fault.why, 'it did not end within 50 ms');
  assert(performance.now() - started < 5000);
});

test('a command that floods us is ended', async () => {
  const fault = await runCommand({ argv: ['sh', '-c', 'exec yes'], why: 'listen' }).catch((e) => e);
  assert(fault instanceof Fault);
  assert.equal(fault.why, 'it printed more than 16 MiB');
});

test('a signal shows as 128 and its number', async () => {
  assert.equal((await runCommand({ argv: ['sh', '-c', 'kill -TERM $$'], why: 'try' })).code, 143);
});

test('a command line is printed so that a person could type it', () => {
  assert.equal(formatArgv(['ip', 'netns', 'add', "it's"]), `ip netns add 'it'\\''s'`);
});

test('a command is ended at its time-out though what it started lives on and holds its output', async () => {
  const started = performance.now();
  const argv = ['sh', '-c', 'sleep 5 & sleep 5'];
  const fault = await runCommand({ argv, timeoutMs: 50, why: 'wait' }).catch((e) => e);
  assert(fault instanceof Fault);
  assert(performance.now() - started < 3000);
});
