/** The program as a whole: which face a first word leads to. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

function weft(...words: readonly string[]) {
  const { status, stdout } = spawnSync(process.execPath, [join(import.meta.dirname, 'weft.ts'), ...words], {
    encoding: 'utf8',
  });
  return { status, stdout };
}

test('weft --help tells of the daemon too', () => assert.match(weft('--help').stdout, /see weft agent --help/));

test('weft help agent is weft agent --help', () => {
  const help = weft('agent', '--help');
  assert.equal(help.status, 0);
  assert.match(help.stdout, /^Usage: weft agent \[flags\]/);
  assert.deepEqual(weft('help', 'agent'), help);
});
