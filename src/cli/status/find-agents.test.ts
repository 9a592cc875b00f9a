import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { findAgents, readAgent } from './find-agents.ts';

for (const [line, agent] of [
  ['node /opt/weft/dist/weft.js agent', { socket: undefined }],
  ['node bin/weft.ts agent -v 1', { socket: undefined }],
  ['node weft.js agent -control-socket /a', { socket: '/a' }],
  ['node weft.js agent --control-socket=/a -v 1 -control-socket=/b', { socket: '/b' }],
  ['node weft.js agent -control-socket=', { socket: '' }],
  ['node weft.js status agent', undefined],
  ['vi weft.js', undefined],
  ['node other-weft.js agent', undefined],
] as const) {
  test(`${line} is ${agent === undefined ? 'no agent' : `an agent, socket ${agent.socket ?? 'by default'}`}`, () => {
    assert.deepEqual(readAgent(line.split(' ')), agent);
  });
}

test('a process that was started as one is found, with its flag', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'weft-find-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const program = join(directory, 'weft.js');
  writeFileSync(program, "process.stdout.write('up'); setInterval(() => undefined, 1000);");
  const child = spawn(process.execPath, [program, 'agent', '-control-socket', '/run/there.sock']);
  await once(child.stdout, 'data');
  assert.deepEqual(
    findAgents().filter(({ pid }) => pid === child.pid),
    [{ pid: child.pid, socket: '/run/there.sock' }],
  );
  child.kill('SIGKILL');
  await once(child, 'close');
  assert.deepEqual(
    findAgents().filter(({ pid }) => pid === child.pid),
    [],
  );
});
