import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { callDelegate, type DelegateCall, findPlugin } from './delegate.ts';
import { CniError } from './error.ts';

/** A folder with a plugin that is this shell script. */
function plugin(t: TestContext, script: string, mode = 0o755): DelegateCall {
  const folder = mkdtempSync(join(tmpdir(), 'weft-delegate-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'loom'), `#!/bin/sh\n${script}\n`, { mode });
  return {
    type: 'loom',
    path: ['/nowhere', folder],
    environment: { PATH: process.env['PATH'] },
    input: '{"name":"a"}',
  };
}

/** A process that has ended and waits for whoever adopted it to notice does not run. */
function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

async function refusal(call: DelegateCall): Promise<CniError> {
  const error = await callDelegate(call).then(
    (output) => new Error(`nothing was refused: ${output}`),
    (reason) => reason,
  );
  assert(error instanceof CniError, String(error));
  return error;
}

test('it gets the environment that is given and the configuration, and its output comes back', async (t) => {
  const call = plugin(t, 'cat; echo " $CNI_COMMAND"');
  assert.equal(
    await callDelegate({ ...call, environment: { ...call.environment, CNI_COMMAND: 'ADD' } }),
    '{"name":"a"} ADD\n',
  );
});

test('one that does not read its input is judged by how it ends', async (t) => {
  const call = plugin(t, 'exec 0<&-; echo done');
  assert.equal(await callDelegate({ ...call, input: 'x'.repeat(1_000_000) }), 'done\n');
});

test('what it says to standard error is handed on, and is no part of the answer', async (t) => {
  let said = '';
  const writeError = (text: string): void => {
    said += text;
  };
  assert.equal(await callDelegate({ ...plugin(t, 'echo trouble >&2; echo good'), writeError }), 'good\n');
  assert.equal(said, 'trouble\n');
});

test('a refusal keeps its code, message and details', async (t) => {
  const call = plugin(t, `echo '{"cniVersion":"1.0.0","code":11,"msg":"not yet","details":"wait"}'; exit 1`);
  const { code, message, details } = await refusal(call);
  assert.deepEqual([code, message, details], [11, 'not yet', 'wait']);
});

suite('one that fails otherwise is code 100 and says how', () => {
  const cases: readonly (readonly [string, string, RegExp, RegExp])[] = [
    [
      'an exit code without an error',
      'echo oops >&2; exit 3',
      /ended with exit code 3 and without a CNI error/,
      /oops/,
    ],
    ['an error that is no JSON', 'echo "{nope"; exit 1', /without a CNI error/, /\{nope/],
    ['an error without words', `echo '{"code":7}'; exit 1`, /without a CNI error/, /code/],
    ['killed', 'kill -KILL $$', /was ended by SIGKILL/, /it said nothing/],
    ['a flood', 'exec yes', /printed more than 4 MiB/, /it said nothing/],
  ];
  for (const [name, script, words, details] of cases) {
    test(name, async (t) => {
      const error = await refusal(plugin(t, script));
      assert.equal(error.code, 100);
      assert.match(error.message, words);
      assert.match(error.details ?? '', details);
    });
  }

  test('hung, with a plugin of its own that hangs', async (t) => {
    const call = plugin(t, 'sleep 600 & echo $! > "$FOLDER/pid"; sleep 600');
    const [, folder = ''] = call.path;
    const error = await refusal({ ...call, environment: { ...call.environment, FOLDER: folder }, timeoutMs: 1000 });
    assert.match(error.message, /plugin loom did not end within 1000 ms/);
    const pid = Number(readFileSync(join(folder, 'pid'), 'utf8'));
    while (isRunning(pid)) await pause(10);
  });

  test('not executable', async (t) => {
    const error = await refusal(plugin(t, 'true', 0o644));
    assert.match(error.message, /plugin loom cannot be started: .*EACCES/);
  });
});

test("one that is not there is missed in the words of Go's plugins", async (t) => {
  const call = plugin(t, '');
  const { message, details } = await refusal({ ...call, type: 'bridge', path: ['/opt/cni/bin', '/etc/passwd'] });
  assert.equal(message, 'failed to find plugin "bridge" in path [/opt/cni/bin /etc/passwd]');
  assert.match(details ?? '', /weft cni install/);
});

test('a folder of that name is no plugin', (t) => {
  const call = plugin(t, '');
  const [, folder = ''] = call.path;
  mkdirSync(join(folder, 'bridge'));
  assert.throws(() => findPlugin('bridge', [folder]), /failed to find plugin "bridge"/);
});

test('a name with a slash finds nothing outside of the folders', () => {
  for (const name of ['../bin/sh', '/bin/sh', '..', '.', '']) {
    assert.throws(() => findPlugin(name, ['/usr/lib']), { code: 7 });
  }
});
