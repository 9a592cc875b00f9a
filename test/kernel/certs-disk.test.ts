/** `weft certs` on a full and on a read-only file system, and killed at any moment, with the real program. */
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { certificateFile, keyFile } from '#certs/store/pair-files.ts';

const WEFT = join(import.meta.dirname, '../../bin/weft');

test('a full disk: it is said, and what was there is whole', (t) => {
  const directory = fileSystem(t, 'size=64k');
  weft(directory, 'init --key p256');
  weft(directory, 'issue etcd --key p256 --hosts a');
  const before = contents(directory);
  // Every page that is left.
  spawnSync('dd', ['if=/dev/zero', `of=${join(directory, 'filler')}`, 'bs=4096'], { stdio: 'ignore' });
  const full = weft(directory, 'issue etcd --key p256 --hosts b');
  assert.equal(full.status, 1, full.stderr);
  assert.match(full.stderr, /cannot write a file[\s\S]*the disk is full[\s\S]*make room/);
  rmSync(join(directory, 'filler'));
  assert.deepEqual(contents(directory), before);
  assert.match(weft(directory, 'issue etcd --key p256 --hosts b').stdout, /hosts added: b; hosts removed: a/);
});

test('a file system that is read-only: it is said, and show still shows', (t) => {
  const directory = fileSystem(t, 'size=1m');
  weft(directory, 'init --key p256');
  execFileSync('mount', ['-o', 'remount,ro', directory]);
  const refused = weft(directory, 'issue admin --key p256');
  assert.equal(refused.status, 1, refused.stderr);
  assert.match(refused.stderr, /cannot write into the directory[\s\S]*the file system is read-only/);
  const shown = weft(directory, 'show');
  assert.equal(shown.status, 0, shown.stderr);
});

test('killed at any moment, the next run leaves a certificate with its key', async (t) => {
  const directory = scratch(t);
  weft(directory, 'init --key p256');
  for (let round = 0; round < 8; round++) {
    const child = spawn(WEFT, ['certs', 'issue', 'etcd', '--key', 'p256', '--hosts', `h${round}`, '--dir', directory], {
      stdio: 'ignore',
    });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    // As soon as something changes in the directory, or a little later.
    const known = readdirSync(directory).join();
    while (child.exitCode === null && readdirSync(directory).join() === known) await sleep(1);
    await sleep(round * 3);
    child.kill('SIGKILL');
    await ended;
    const next = weft(directory, `issue etcd --key p256 --hosts h${round}`);
    assert.equal(next.status, 0, next.stderr);
    const certificate = new X509Certificate(readFileSync(join(directory, certificateFile('etcd'))));
    assert(certificate.checkPrivateKey(createPrivateKey(readFileSync(join(directory, keyFile('etcd'))))));
    assert.match(certificate.subjectAltName ?? '', new RegExp(`DNS:h${round},`));
    assert.deepEqual(
      readdirSync(directory).filter((file) => file.startsWith('.')),
      [],
    );
  }
});

function weft(directory: string, words: string) {
  return spawnSync(WEFT, ['certs', ...words.split(' '), '--dir', directory], { encoding: 'utf8' });
}

function contents(directory: string): readonly (readonly [string, string])[] {
  const files = readdirSync(directory).sort();
  return files.map((file) => [file, readFileSync(join(directory, file), 'utf8')]);
}

function scratch(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'weft-certs-disk-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return directory;
}

function fileSystem(t: TestContext, options: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'weft-certs-disk-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'weft-certs-test', directory]);
  t.after(() => {
    execFileSync('umount', [directory]);
    rmSync(directory, { recursive: true });
  });
  return directory;
}
