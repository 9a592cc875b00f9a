import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { askAgent } from './ask-agent.ts';
import { openControlServer } from './control-server.ts';
import { clearSocketPath } from './socket-path.ts';
import { connected, socketPath, testControl, testLog } from './test-socket.ts';

/** What a killed agent leaves: a socket at which nobody listens. */
function leaveSocket(path: string): void {
  const program = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', program]);
  assert(statSync(path).isSocket());
}

test('a directory that is missing is made for root alone; one that is there keeps its mode', async (t) => {
  const path = socketPath(t);
  const inner = join(dirname(path), 'a/b/agent.sock');
  await clearSocketPath(inner);
  assert.equal(statSync(dirname(inner)).mode & 0o777, 0o700);
  const open = join(dirname(path), 'open');
  mkdirSync(open, { mode: 0o755 });
  await clearSocketPath(join(open, 'agent.sock'));
  assert.equal(statSync(open).mode & 0o777, 0o755);
});

test('the socket of a dead agent is replaced', async (t) => {
  const path = socketPath(t);
  leaveSocket(path);
  const methods = new Map([['echo', { run: () => 'alive', patienceMs: 10_000 }]]);
  const server = await openControlServer({ path, methods, log: testLog([]) });
  t.after(() => server.close());
  assert.equal(await askAgent({ socket: path, method: 'echo' }), 'alive');
});

test('the socket of an agent that lives is not, and goes on working', async (t) => {
  const { path } = await testControl(t);
  await assert.rejects(openControlServer({ path, methods: new Map(), log: testLog([]) }), {
    code: 'agent.control-socket',
    exitCode: 1,
    where: `-control-socket ${path}`,
    why: 'an agent that runs listens there',
  });
  (await connected(path)).destroy();
  assert.deepEqual(await askAgent({ socket: path, method: 'echo' }), {});
});

test('a file that is no socket is left alone', async (t) => {
  const path = socketPath(t);
  writeFileSync(path, 'precious');
  await assert.rejects(clearSocketPath(path), {
    code: 'agent.control-socket',
    why: 'something that is no socket is there',
  });
  assert(existsSync(path));
});

test('a path in what is no directory, and one that Linux would cut off, are faults', async (t) => {
  const path = socketPath(t);
  writeFileSync(path, '');
  await assert.rejects(clearSocketPath(join(path, 'agent.sock')), {
    code: 'agent.control-socket',
    why: /EEXIST|ENOTDIR/,
  });
  const long = join(dirname(path), 'x'.repeat(107));
  await assert.rejects(clearSocketPath(long), { code: 'agent.control-socket', why: /longer than the 107 bytes/ });
});
