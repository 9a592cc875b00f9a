import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Fault } from '#runtime/fault.ts';
import { generatePrivateKey } from './key.ts';
import { loadPrivateKey } from './private-key-file.ts';

test('a missing key is made: base64 without a newline, 0400, in a directory that is 0755', (context) => {
  const file = fileIn(context);
  const { privateKey, generated, exposed } = loadPrivateKey(file);
  assert.deepEqual([generated, exposed], [true, false]);
  assert.equal(readFileSync(file, 'utf8'), privateKey);
  assert.equal(statSync(file).mode & 0o777, 0o400);
  assert.equal(statSync(dirname(file)).mode & 0o777, 0o755);
  assert.deepEqual(readdirSync(dirname(file)), ['wgkey']);
});

test('a key that is there is read, white space and all, and left as it is', (context) => {
  const file = fileIn(context);
  const key = generatePrivateKey();
  mkdirSync(dirname(file));
  writeFileSync(file, `\n${key}  \n`, { mode: 0o600 });
  assert.deepEqual(loadPrivateKey(file), { privateKey: key, generated: false, exposed: false });
  assert.equal(statSync(file).mode & 0o777, 0o600);
});

test('a key that others can read is used, and said to be exposed', (context) => {
  const file = fileIn(context);
  const { privateKey } = loadPrivateKey(file);
  chmodSync(file, 0o440);
  assert.deepEqual(loadPrivateKey(file), { privateKey, generated: false, exposed: true });
});

for (const [what, content] of [
  ['an empty file', ''],
  ['a text that is no key', 'secret-that-must-not-be-told'],
  ['two keys', `${generatePrivateKey()}\n${generatePrivateKey()}\n`],
  ['a file of a megabyte', 'A'.repeat(1 << 20)],
] as const) {
  test(`${what} is a Fault that does not tell the content, and stays`, (context) => {
    const file = fileIn(context);
    mkdirSync(dirname(file));
    writeFileSync(file, content);
    assert.throws(
      () => loadPrivateKey(file),
      (error) => error instanceof Fault && error.code === 'wireguard.key' && !/secret|AAAA/.test(String(error)),
    );
    assert.equal(readFileSync(file, 'utf8'), content);
  });
}

test('a directory in the place of the file is a Fault', (context) => {
  const file = fileIn(context);
  mkdirSync(file, { recursive: true });
  assert.throws(
    () => loadPrivateKey(file),
    (error) => error instanceof Fault && error.where === file,
  );
});

function fileIn(context: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'weft-wgkey-'));
  context.after(() => rmSync(directory, { recursive: true }));
  return join(directory, 'flannel/wgkey');
}
