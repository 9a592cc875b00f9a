import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { TestOperator } from '#cli/test-context.ts';
import { certsCommand } from './commands.ts';
import { guideDirectory, scratch, text } from './test-directory.ts';

test('from nothing to certificates, a second run, and the table', async (t) => {
  const directory = scratch(t);
  const operator = new TestOperator([certsCommand]);
  const run = (words: string) => operator.run(`certs ${words} --dir ${directory}`);
  assert.match(
    (await run('init --cn fleet --key p256 --expiry 3650d')).out,
    /^NAME +DONE +EXPIRES +WHY\nca +made +\d{4}-\d\d-\d\d +-\n$/,
  );
  assert.match((await run('init')).out, /\nca +kept /);
  assert.match((await run('init --cn other')).out, /\nca +kept .* its name is CN=fleet, wanted is CN=other\n$/);
  assert.match((await run('issue etcd --key p256 --hosts 10.0.0.1,10.0.0.2')).out, /\netcd +made /);
  assert.match(
    (await run('issue etcd --key p256 --hosts 10.0.0.2')).out,
    /\netcd +made anew .* hosts removed: 10\.0\.0\.1\n$/,
  );
  const issued = await run('issue --key p256 -o json');
  assert.deepEqual(
    JSON.parse(issued.out).map(({ name, action }: { name: string; action: string }) => `${name} ${action}`),
    ['admin made', 'etcd kept', 'flanneld made', 'weft made'],
  );
  const shown = await run('show');
  assert.equal(shown.code, 0);
  assert.match(
    shown.out,
    /^FILE +STATE +EXPIRES +LEFT +SUBJECT +HOSTS +ISSUER\nca\.pem +ok +\S+ +36\d\d d +CN=fleet +- +itself\n/,
  );
  assert.match(shown.out, /\netcd\.pem +ok +\S+ +36\d\d d +CN=etcd +localhost, 127\.0\.0\.1, 10\.0\.0\.2 +fleet\n/);
  for (const { out, notes } of [shown, issued]) assert.doesNotMatch(out + notes, /PRIVATE KEY/);
});

test('what expires makes the exit code 1, in colours and for programs', async (t) => {
  const directory = await guideDirectory(t, Date.now());
  const operator = new TestOperator([certsCommand]);
  await operator.run(`certs issue etcd --profile client --dir ${directory}`);
  const show = (words: string) => operator.run(`certs show --dir ${directory} ${words}`);
  assert.equal((await show('--warn-before 29d')).code, 0);
  operator.colours = true;
  const soon = await show('');
  assert.equal(soon.code, 1);
  assert(soon.out.includes('\u001b[33mexpires soon\u001b[39m'));
  assert(soon.out.includes('\u001b[32mok\u001b[39m'));
  operator.colours = false;
  writeFileSync(join(directory, 'x.pem'), 'x');
  const broken = await show('-o wide');
  assert.match(broken.out, /SERIAL\n[\s\S]*\nx\.pem +broken +- +- +-/);
  assert.equal(broken.notes, 'x.pem: it holds no certificate in PEM form\n');
  const json = await show('-o json');
  assert.deepEqual([json.code, json.notes], [1, '']);
  const [, etcd] = JSON.parse(json.out);
  assert.deepEqual([etcd.file, etcd.state, etcd.hosts], ['etcd.pem', 'expires soon', ['127.0.0.1', '10.0.0.1']]);
  assert.match((await show('-o yaml')).out, /^- file: ca\.pem\n {2}state: ok\n/);
  assert.match((await operator.run(`certs show --dir ${directory}/none`)).out, /^no certificates in /);
});

test('renewal by time and by name', async (t) => {
  const directory = await guideDirectory(t, Date.now());
  const operator = new TestOperator([certsCommand]);
  assert.equal((await operator.run(`certs renew --dir ${directory}`)).out, 'nothing to do\n');
  await operator.run(`certs issue etcd --profile client --dir ${directory}`);
  const key = text(directory, 'etcd-key.pem');
  assert.match((await operator.run(`certs renew --before 29d --dir ${directory}`)).out, /\netcd +kept /);
  assert.match(
    (await operator.run(`certs renew etcd --same-key --dir ${directory}`)).out,
    /\netcd +made anew .* the one before ends on /,
  );
  assert.equal(text(directory, 'etcd-key.pem'), key);
  assert.match((await operator.run(`certs renew --dir ${directory}`)).out, /\netcd +made anew /);
  assert.notEqual(text(directory, 'etcd-key.pem'), key);
});

test('copies of foreign files are said', async (t) => {
  const directory = await guideDirectory(t, Date.now());
  writeFileSync(join(directory, 'etcd.pem'), 'mine');
  const { notes } = await new TestOperator([certsCommand]).run(`certs issue etcd --dir ${directory}`);
  const [, backup = ''] = /^kept a copy of what was there: (etcd\.pem\.weft-backup-\S+)\n$/.exec(notes) ?? [];
  assert.equal(readFileSync(join(directory, backup), 'utf8'), 'mine');
});

suite('wrong usage', () => {
  for (const [words, message] of [
    ['issue a b --hosts 10.0.0.1', /--hosts is for one certificate/],
    ['issue a --hosts 10.0.0.1,', /--hosts: is empty/],
    ['issue a --key rsa1024', /Allowed choices are rsa2048/],
    ['show --warn-before soon', /no length of time, such as 30d/],
    ['init --expiry 1s', /It is less than a minute/],
    ['issue a --profile none', /there is no profile "none"/],
    ['issue etcd', /needs the names or addresses of its members/],
  ] as const) {
    test(words, async (t) => {
      const directory = scratch(t);
      const operator = new TestOperator([certsCommand]);
      if (!words.startsWith('init')) await operator.run(`certs init --key p256 --dir ${directory}`);
      const { code, notes } = await operator.run(`certs ${words} --dir ${directory}`);
      assert.equal(code, 2);
      assert.match(notes, message);
      assert(!existsSync(join(directory, 'a.pem')));
    });
  }
});
