/** The launcher, in a program folder of its own with a `node` that only says how it was started. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';

const FAKE_NODE = '#!/bin/sh\nprintf "%s\\n" "$@"; env | grep NODE_EXTRA\ntrue\n';

/** A program folder; `checkout`: with sources beside the bundle. */
function programFolder(t: TestContext, checkout = false): string {
  const root = mkdtempSync(join(tmpdir(), 'weft-launcher-'));
  t.after(() => rmSync(root, { recursive: true }));
  for (const folder of ['bin', 'dist', 'node_modules/node/bin', ...(checkout ? ['src/model'] : [])]) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  copyFileSync(join(import.meta.dirname, 'weft'), join(root, 'bin/weft'));
  writeFileSync(join(root, 'node_modules/node/bin/node'), FAKE_NODE, { mode: 0o755 });
  writeFileSync(join(root, 'dist/weft.js'), '');
  if (checkout) writeFileSync(join(root, 'src/model/lease.ts'), '');
  return root;
}

interface Started {
  readonly code: number | null;
  /** Flags for Node itself, ahead of the program. */
  readonly flags: readonly string[];
  /** The program and what it is given. */
  readonly lines: readonly string[];
  readonly stderr: string;
}

function start(program: string, words: readonly string[] = []): Started {
  const { status, stdout, stderr } = spawnSync(program, words, {
    encoding: 'utf8',
    env: { PATH: '/usr/bin:/bin', NODE_EXTRA_CA_CERTS: '/etc/extra.pem' },
  });
  const lines = stdout.replace(/\n$/, '').split('\n');
  const first = lines.findIndex((line) => line.startsWith('/'));
  return { code: status, flags: lines.slice(0, first), lines: lines.slice(first), stderr };
}

function setTime(file: string, seconds: number): void {
  utimesSync(file, seconds, seconds);
}

test('the bundle is run by the Node beside it, with the words given, without extra certificates', (t) => {
  const root = programFolder(t);
  const { code, flags, lines } = start(join(root, 'bin/weft'), ['lab', 'up', 'two words', '']);
  assert.deepEqual([code, flags], [0, []]);
  assert.deepEqual(lines, [`${root}/bin/../dist/weft.js`, 'lab', 'up', 'two words', '']);
});

suite('the name it is started by', () => {
  for (const name of ['weftd', 'flanneld', 'flanneld-start']) {
    test(`${name} is the agent`, (t) => {
      const root = programFolder(t);
      symlinkSync('weft', join(root, 'bin', name));
      assert.deepEqual(start(join(root, 'bin', name), ['-v', '1']).lines.slice(1), ['agent', '-v', '1']);
    });
  }

  test("mk-docker-opts.sh is flannel's helper", (t) => {
    const root = programFolder(t);
    symlinkSync('weft', join(root, 'bin/mk-docker-opts.sh'));
    const { lines } = start(join(root, 'bin/mk-docker-opts.sh'), ['-d', '/run/flannel/docker']);
    assert.deepEqual(lines.slice(1), ['mk-docker-opts.sh', '-d', '/run/flannel/docker']);
  });

  test('flannel is the CNI plugin, a program of its own', (t) => {
    const root = programFolder(t);
    writeFileSync(join(root, 'dist/cni-flannel.js'), '');
    symlinkSync('weft', join(root, 'bin/flannel'));
    assert.deepEqual(start(join(root, 'bin/flannel')).lines, [`${root}/bin/../dist/cni-flannel.js`]);
  });

  test('a chain of links, absolute and relative, leads to the program', (t) => {
    const root = programFolder(t);
    mkdirSync(join(root, 'local'));
    symlinkSync(join(root, 'bin/weft'), join(root, 'local/first'));
    symlinkSync('first', join(root, 'local/flanneld'));
    const { lines } = start(join(root, 'local/flanneld'));
    assert.deepEqual(lines, [`${root}/bin/../dist/weft.js`, 'agent']);
  });
});

suite('in a checkout', () => {
  test('a bundle that is newer than the sources is run', (t) => {
    const root = programFolder(t, true);
    setTime(join(root, 'src/model/lease.ts'), 1000);
    setTime(join(root, 'dist/weft.js'), 2000);
    assert.equal(start(join(root, 'bin/weft')).lines[0], `${root}/bin/../dist/weft.js`);
  });

  test('a bundle that is older than a source is not: the sources are', (t) => {
    const root = programFolder(t, true);
    setTime(join(root, 'dist/weft.js'), 1000);
    setTime(join(root, 'src/model/lease.ts'), 2000);
    assert.equal(start(join(root, 'bin/weft')).lines[0], `${root}/bin/../bin/weft.ts`);
  });

  test('without a bundle the sources are run', (t) => {
    const root = programFolder(t, true);
    rmSync(join(root, 'dist/weft.js'));
    assert.equal(start(join(root, 'bin/weft')).lines[0], `${root}/bin/../bin/weft.ts`);
  });
});

test('without a Node beside it the CNI plugin says so as runtimes read it', (t) => {
  const root = programFolder(t);
  rmSync(join(root, 'node_modules'), { recursive: true });
  symlinkSync('weft', join(root, 'bin/flannel'));
  const { code, lines } = start(join(root, 'bin/flannel'));
  assert.equal(code, 3);
  assert.equal(JSON.parse(lines.join('')).code, 999);
});

test('without a Node beside it, it says what to do', (t) => {
  const root = programFolder(t);
  rmSync(join(root, 'node_modules'), { recursive: true });
  const { code, stderr } = start(join(root, 'bin/weft'), ['version']);
  assert.equal(code, 3);
  assert.match(stderr, /no Node found .* npm run setup/);
});
