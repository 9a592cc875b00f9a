import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Fault } from '#runtime/fault.ts';
import { enterNamespace, namespaceHost } from './namespace.ts';

async function directory(context: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'weft-host-'));
  context.after(() => rm(path, { recursive: true }));
  return path;
}

const host = namespaceHost({ name: 'host1', namespace: 'weft-none-such' });

test('a file is written whole, with its mode and its directory, and read back', async (context) => {
  const path = join(await directory(context), 'a/b/key.pem');
  await host.put({ path, content: 'warp\n', mode: 0o600 });
  await host.put({ path, content: 'weft\n', mode: 0o640 });
  assert.equal(await host.get(path), 'weft\n');
  assert.equal((await stat(path)).mode & 0o777, 0o640);
  assert.deepEqual(await readdir(join(path, '..')), ['key.pem']);
});

test('a file that is not there is undefined, one that cannot be read a fault', async (context) => {
  const path = await directory(context);
  assert.equal(await host.get(join(path, 'none')), undefined);
  await assert.rejects(host.get(path), (error) => error instanceof Fault && error.code === 'host.file');
  await host.put({ path: join(path, 'file'), content: '', mode: 0o600 });
  await assert.rejects(host.put({ path: join(path, 'file/x'), content: '', mode: 0o600 }), { code: 'host.file' });
});

test('a command enters the namespace by nsenter, word for word', () => {
  assert.deepEqual(enterNamespace('n1', ['ip', 'route', '; reboot']), [
    'nsenter',
    '--net=/run/netns/n1',
    '--',
    'ip',
    'route',
    '; reboot',
  ]);
});

test('a namespace that is not there is an answer with its reason', async () => {
  const output = await host.run({ argv: ['true'], why: 'try' });
  assert.notEqual(output.code, 0);
  assert.match(output.stderr, /weft-none-such/);
});
