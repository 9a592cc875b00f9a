import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { CniError } from './error.ts';
import { type Plugin, type PluginProcess, runPlugin } from './plugin.ts';
import type { CniRequest } from './request.ts';
import { parseVersionAnswer } from './version.ts';

const CONFIG = '{"cniVersion":"1.1.0","name":"a","cni.dev/valid-attachments":[]}';

interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  /** What the plugin was asked to do. */
  readonly asked: readonly string[];
}

async function run(command: string, input = CONFIG, fail?: Error, more: Partial<PluginProcess> = {}): Promise<Run> {
  const asked: string[] = [];
  let out = '';
  let err = '';
  const note = async ({ command: name }: CniRequest): Promise<void> => {
    asked.push(name);
    if (fail !== undefined) throw fail;
  };
  const add = async (request: CniRequest): Promise<string> => {
    await note(request);
    return 'result';
  };
  const plugin: Plugin = { about: 'CNI Plugin loom', add, del: note, check: note, status: note, gc: note };
  const code = await runPlugin(plugin, {
    environment: { CNI_COMMAND: command, CNI_CONTAINERID: 'c', CNI_NETNS: '/n', CNI_IFNAME: 'eth0', CNI_PATH: '/p' },
    readInput: () => input,
    write: (text) => {
      out += text;
    },
    writeError: (text) => {
      err += text;
    },
    ...more,
  });
  return { code, out, err, asked };
}

suite('every command reaches the plugin', () => {
  for (const command of ['ADD', 'DEL', 'CHECK', 'STATUS', 'GC']) {
    test(command, async () => {
      const { code, out, asked } = await run(command);
      assert.deepEqual([code, out, asked], [0, command === 'ADD' ? 'result' : '', [command]]);
    });
  }
});

test('VERSION is answered without reading anything', async () => {
  const readInput = (): string => {
    throw new Error('nobody writes');
  };
  const { code, out } = await run('VERSION', '', undefined, { readInput });
  assert.equal(code, 0);
  assert.deepEqual(parseVersionAnswer(out), ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0']);
  assert.equal(JSON.parse(out).cniVersion, '1.1.0');
});

test('started by hand it says what it is', async () => {
  const { code, out, err } = await run('');
  assert.deepEqual([code, out], [0, '']);
  assert.equal(
    err,
    'CNI Plugin loom\nCNI protocol versions supported: 0.1.0, 0.2.0, 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0\n',
  );
});

test('an error is JSON with the version of the request, and exit code 1', async () => {
  const { code, out } = await run('DEL', '{"cniVersion":"0.4.0","name":"a"}', new CniError(11, 'later', 'soon'));
  assert.equal(code, 1);
  assert.deepEqual(JSON.parse(out), { cniVersion: '0.4.0', code: 11, msg: 'later', details: 'soon' });
});

test('an error of the program is reported with code 999', async () => {
  const { out } = await run('ADD', CONFIG, new TypeError('loom is undefined'));
  assert.deepEqual(JSON.parse(out), { cniVersion: '1.1.0', code: 999, msg: 'loom is undefined' });
});

test('a version that we do not speak is answered in one that we do', async () => {
  const { code, out } = await run('ADD', '{"cniVersion":"7.0.0","name":"a"}');
  assert.equal(code, 1);
  assert.deepEqual([JSON.parse(out).code, JSON.parse(out).cniVersion], [1, '1.1.0']);
});

test('what is no answer to VERSION is none', () => {
  for (const text of ['', '7', '{}', '{"supportedVersions":7}']) assert.equal(parseVersionAnswer(text), undefined);
  assert.deepEqual(parseVersionAnswer('{"supportedVersions":["1.0.0",7]}'), ['1.0.0']);
});
