/** Nothing is half-written: a run may end at any moment, and what it began is completed or was never there. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { initAuthority } from '#certs/init.ts';
import { issueLeaves } from '#certs/issue.ts';
import { showCertificates } from '#certs/show.ts';
import { guideDirectory, scratch, text } from '#certs/test-directory.ts';
import { withLock } from './lock.ts';
import { finishPairs, type PairFiles, unfinishedPairs, writePair } from './pair-files.ts';
import { fileFault, listFiles, makeDirectory, readTextFile, removeFile, replaceTextFile } from './text-file.ts';

const NOW = Date.UTC(2026, 10, 20, 12);
const PAIR: PairFiles = {
  name: 'x',
  certificate: 'new certificate',
  key: 'new key',
  request: 'new request',
  keep: [],
  stamp: 'S',
};
const JOURNAL = '.weft-journal-x.json';

suite('a run that ended', () => {
  // What lies there after each step of writing a pair.
  for (const [when, files] of [
    ['before anything was in place', {}],
    ['after the key', { 'x-key.pem': 'new key' }],
    ['after key and certificate', { 'x-key.pem': 'new key', 'x.pem': 'new certificate' }],
    ['after all but the journal', { 'x-key.pem': 'new key', 'x.pem': 'new certificate', 'x.csr': 'new request' }],
  ] as const) {
    test(`${when} is completed by the next one`, (t) => {
      const directory = scratch(t);
      const old = { 'x-key.pem': 'old key', 'x.pem': 'old certificate', 'x.csr': 'old request', ...files };
      for (const [file, content] of Object.entries(old)) writeFileSync(join(directory, file), content);
      writeFileSync(join(directory, JOURNAL), JSON.stringify(PAIR));
      assert.deepEqual(unfinishedPairs(directory), ['x']);
      assert.deepEqual(finishPairs(directory), ['x']);
      assert.deepEqual(readdirSync(directory).sort(), ['x-key.pem', 'x.csr', 'x.pem']);
      assert.deepEqual(
        ['x-key.pem', 'x.pem', 'x.csr'].map((file) => text(directory, file)),
        ['new key', 'new certificate', 'new request'],
      );
      assert.deepEqual(finishPairs(directory), []);
    });
  }

  test('while it wrote a file leaves nothing but the old ones', (t) => {
    const directory = scratch(t);
    writeFileSync(join(directory, 'x.pem'), 'old');
    writeFileSync(join(directory, '.weft-0123456789ab.new'), 'hal');
    writeFileSync(join(directory, '.weft-other.new'), 'not ours');
    assert.deepEqual(finishPairs(directory), []);
    assert.deepEqual(readdirSync(directory).sort(), ['.weft-other.new', 'x.pem']);
  });

  test('between the copy of a foreign file and its replacement keeps the one copy', (t) => {
    const directory = scratch(t);
    writeFileSync(join(directory, 'x.pem'), 'foreign');
    writeFileSync(join(directory, 'x.pem.weft-backup-S'), 'foreign');
    writeFileSync(join(directory, JOURNAL), JSON.stringify({ ...PAIR, keep: ['x.pem'] }));
    finishPairs(directory);
    assert.equal(text(directory, 'x.pem.weft-backup-S'), 'foreign');
    assert.equal(text(directory, 'x.pem'), 'new certificate');
  });

  test('is told by show, and a certificate that it made is kept by issue', async (t) => {
    const directory = await guideDirectory(t, NOW);
    await issueLeaves(directory, ['etcd'], {}, NOW);
    const made = {
      ...PAIR,
      name: 'etcd',
      certificate: text(directory, 'etcd.pem'),
      key: text(directory, 'etcd-key.pem'),
    };
    await issueLeaves(directory, ['etcd'], { hosts: ['a'] }, NOW);
    // The key of the one, the certificate of the other: the moment between two renames.
    writeFileSync(join(directory, 'etcd-key.pem'), made.key);
    writeFileSync(join(directory, '.weft-journal-etcd.json'), JSON.stringify(made));
    const [, shown] = showCertificates(directory, 0, NOW);
    assert.match(shown?.problems.join('\n') ?? '', /interrupted.*\n.*does not belong/);
    const [outcome] = await issueLeaves(directory, ['etcd'], {}, NOW);
    assert.equal(outcome?.action, 'completed');
    const certificate = new X509Certificate(text(directory, 'etcd.pem'));
    assert(certificate.checkPrivateKey(createPrivateKey(text(directory, 'etcd-key.pem'))));
  });

  test('while it made the authority: init completes it', async (t) => {
    const directory = await guideDirectory(t, NOW);
    const made = { ...PAIR, name: 'ca', certificate: text(directory, 'ca.pem'), key: text(directory, 'ca-key.pem') };
    removeFile(join(directory, 'ca.pem'));
    writeFileSync(join(directory, '.weft-journal-ca.json'), JSON.stringify(made));
    assert.equal((await initAuthority(directory, {}, NOW)).action, 'completed');
    assert.equal(text(directory, 'ca.pem'), made.certificate);
  });

  for (const content of ['', '{', '{}', '{"name":"x","certificate":"a","key":1,"keep":[],"stamp":"S"}', 'null']) {
    test(`left a journal that is not ours to read: ${content}`, (t) => {
      const directory = scratch(t);
      writeFileSync(join(directory, JOURNAL), content);
      assert.throws(() => finishPairs(directory), { code: 'certs.file', where: join(directory, JOURNAL) });
    });
  }
});

test('a pair without a request leaves the one that is there', (t) => {
  const directory = scratch(t);
  writeFileSync(join(directory, 'x.csr'), 'old request');
  const { request: _, ...pair } = PAIR;
  writePair(directory, pair);
  assert.equal(text(directory, 'x.csr'), 'old request');
  assert(!existsSync(join(directory, JOURNAL)));
});

suite('the lock', () => {
  test('two runs at once: the second is refused, and the first takes the lock with it', async (t) => {
    const directory = scratch(t);
    await withLock(directory, async () => {
      await assert.rejects(
        withLock(directory, async () => {}),
        { code: 'certs.busy', why: `process ${process.pid} is alive` },
      );
    });
    assert.deepEqual(readdirSync(directory), []);
  });

  test('of a run that died is taken over', async (t) => {
    const directory = scratch(t);
    const { pid } = spawnSync('true');
    for (const owner of [String(pid), 'x', '-1']) {
      symlinkSync(owner, join(directory, '.weft-certs.lock'));
      assert.equal(await withLock(directory, async () => 'done'), 'done');
    }
  });

  test('is no lock when it is a file that holds no owner', async (t) => {
    const directory = scratch(t);
    writeFileSync(join(directory, '.weft-certs.lock'), 'x');
    assert.equal(await withLock(directory, async () => 'done'), 'done');
  });

  test('goes when the work fails', async (t) => {
    const directory = scratch(t);
    await assert.rejects(
      withLock(directory, () => Promise.reject(new Error('work'))),
      { message: 'work' },
    );
    assert.deepEqual(readdirSync(directory), []);
  });

  test('a directory that is not there is refused with the way to make it', async (t) => {
    const missing = join(scratch(t), 'none');
    await assert.rejects(issueLeaves(missing, ['a'], {}, NOW), {
      code: 'certs.file',
      why: 'there is no such directory',
      remedy: /weft certs init/,
    });
    assert(!existsSync(missing));
  });
});

suite('what the system refuses is told in words', () => {
  test('with a remedy where one is known', () => {
    for (const [code, why] of [
      ['ENOSPC', 'the disk is full'],
      ['EDQUOT', 'the quota is used up'],
      ['EROFS', 'the file system is read-only'],
      ['EACCES', 'no right to do that'],
      ['EPERM', 'no right to do that'],
    ] as const) {
      const fault = fileFault('cannot write a file', '/x', Object.assign(new Error('raw'), { code }));
      assert.equal(fault.why, why);
      assert.notEqual(fault.remedy, '');
    }
    assert.equal(fileFault('cannot', '/x', new Error('raw')).why, 'raw');
    assert.equal(fileFault('cannot', '/x', 'thrown').why, 'thrown');
  });

  test('a file where a directory should be, a directory where a file should be', async (t) => {
    const directory = scratch(t);
    const file = join(directory, 'file');
    writeFileSync(file, '');
    assert.throws(() => listFiles(file), { code: 'certs.file', why: 'a part of the path is no directory' });
    assert.throws(() => makeDirectory(join(file, 'x')), { code: 'certs.file' });
    assert.throws(() => readTextFile(directory), { code: 'certs.file', why: 'it is a directory' });
    assert.throws(() => removeFile(directory), { code: 'certs.file' });
    makeDirectory(join(directory, 'd'));
    assert.throws(() => replaceTextFile(join(directory, 'd'), 'x', 0o600), {
      code: 'certs.file',
      why: 'it is a directory',
    });
    assert.deepEqual(readdirSync(directory).sort(), ['d', 'file']);
    makeDirectory(join(directory, 'x.pem'));
    assert.throws(() => writePair(directory, { ...PAIR, keep: ['x.pem'] }), {
      code: 'certs.file',
      message: 'cannot keep a copy of a file',
    });
    assert.deepEqual(unfinishedPairs(directory), ['x']);
    await assert.rejects(initAuthority(join(file, 'x'), {}, NOW), { code: 'certs.file' });
  });
});
