import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readInput } from './stdio.ts';

function opened(t: TestContext, text: string): number {
  const folder = mkdtempSync(join(tmpdir(), 'weft-stdio-'));
  writeFileSync(join(folder, 'input'), text);
  const fd = openSync(join(folder, 'input'), 'r');
  t.after(() => {
    closeSync(fd);
    rmSync(folder, { recursive: true });
  });
  return fd;
}

test('all of the input is read, characters that are cut between two reads too', (t) => {
  const text = 'ü'.repeat(100_000);
  assert.equal(readInput(opened(t, text)), text);
});

test('more than the limit is refused', (t) => {
  assert.throws(() => readInput(opened(t, 'x'.repeat(2000)), 1000), { code: 5, message: /more than 1000 bytes/ });
});

test('what cannot be read is code 5', () => {
  assert.throws(() => readInput(-1), { code: 5, message: /error reading from stdin/ });
});

test('an input that comes late, by a pipe that does not block, is waited for', async () => {
  const program = `import { readInput } from '#cni/protocol/stdio.ts'; import { pluginProcess } from '#cni/protocol/stdio.ts'; process.stdin; pluginProcess().write(readInput(0));`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['pipe', 'pipe', 'inherit'] });
  let out = '';
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  setTimeout(() => child.stdin.write('{"name"'), 100);
  setTimeout(() => child.stdin.end(':"a"}'), 400);
  const code = await new Promise((done) => child.on('close', done));
  assert.deepEqual([code, out], [0, '{"name":"a"}']);
});
