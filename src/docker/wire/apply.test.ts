import assert from 'node:assert/strict';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { localHost } from '#hosts/local.ts';
import { Fault } from '#runtime/fault.ts';
import { applyChanges } from './apply.ts';

test('a file behind a link is changed in its place with its mode; an emptied drop-in directory goes', async (context) => {
  const directory = mkdtempSync(join(tmpdir(), 'weft-apply-'));
  context.after(() => rmSync(directory, { recursive: true }));
  const [link, file] = [join(directory, 'daemon.json'), join(directory, 'real.json')];
  const folder = join(directory, 'docker.service.d');
  writeFileSync(file, 'old');
  chmodSync(file, 0o640);
  symlinkSync('real.json', link);
  mkdirSync(folder);
  writeFileSync(join(folder, 'weft.conf'), 'x');
  await applyChanges(localHost(), [
    { path: link, before: 'old', after: 'new' },
    { path: join(folder, 'weft.conf'), before: 'x', after: undefined },
  ]);
  assert(lstatSync(link).isSymbolicLink());
  assert.equal(readFileSync(file, 'utf8'), 'new');
  assert.equal(statSync(file).mode & 0o777, 0o640);
  assert.deepEqual(readdirSync(directory).sort(), ['daemon.json', 'real.json']);
  const impossible = applyChanges(localHost(), [{ path: directory, before: 'x', after: undefined }]);
  await assert.rejects(impossible, (error) => error instanceof Fault && error.code === 'command.failed');
});
