/** native/cni-shim.c as a runtime starts it, before sockets that are no agent's. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { suite, type TestContext, test } from 'node:test';
import { parseVersionAnswer, versionAnswer } from '#cni/protocol/version.ts';

const SHIM = join(import.meta.dirname, '../../../native/build/cni-weft');

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly error: string;
}

async function shim(socket: string, variables: Readonly<Record<string, string>>, input = '{}'): Promise<Ended> {
  const child = spawn(SHIM, { env: { WEFT_CONTROL_SOCKET: socket, ...variables } });
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const ended = new Promise<number | null>((resolve) => void child.on('close', resolve));
  const [out, error] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await ended, out, error };
}

/** A socket whose requests are kept and answered so. */
async function agent(
  context: TestContext,
  answer: (socket: Socket) => void,
): Promise<{ path: string; asked: () => string }> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-shim-'));
  const path = join(folder, 'agent.sock');
  let asked = '';
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      asked += chunk.toString();
      if (asked.endsWith('\n')) answer(socket);
    });
  });
  await new Promise<void>((resolve) => void server.listen(path, resolve));
  context.after(() => {
    server.close();
    rmSync(folder, { recursive: true });
  });
  return { path, asked: () => asked };
}

test('VERSION is answered without an agent, with the versions that we speak', async () => {
  const { code, out } = await shim('/nonexistent', { CNI_COMMAND: 'VERSION' });
  assert.equal(code, 0);
  assert.deepEqual(parseVersionAnswer(out), parseVersionAnswer(versionAnswer()));
});

test('started by hand it says what it is', async () => {
  assert.match((await shim('/nonexistent', {})).error, /CNI plugin weft/);
});

test('the agent gets the variables and the configuration as they are, whatever bytes are in them', async (context) => {
  const { path, asked } = await agent(context, (socket) => socket.end('{"result":{"ok":{"cniVersion":"1.0.0"}}}\n'));
  const config = '{"name":"n","x":"\\u0000 ü \\"quoted\\"",\n\t"y":"\u0001\\\\"}';
  const variables = {
    CNI_COMMAND: 'ADD',
    CNI_CONTAINERID: 'a"b\\c',
    CNI_NETNS: '/ü',
    CNI_IFNAME: 'eth0',
    CNI_ARGS: 'A=1',
    CNI_PATH: '/p',
  };
  assert.deepEqual(await shim(path, variables, config), { code: 0, out: '{"cniVersion":"1.0.0"}\n', error: '' });
  assert.deepEqual(JSON.parse(asked()), {
    method: 'cni',
    params: { config, command: 'ADD', containerId: 'a"b\\c', netns: '/ü', ifname: 'eth0', args: 'A=1', path: '/p' },
  });
});

test('nothing is printed where there is no result, and an error is printed with exit code 1', async (context) => {
  const done = await agent(context, (socket) => socket.end('{"result":{"ok":null}}\n'));
  assert.deepEqual(await shim(done.path, { CNI_COMMAND: 'DEL' }), { code: 0, out: '', error: '' });
  const failed = await agent(context, (socket) => socket.end('{"result":{"failed":{"code":7,"msg":"no"}}}\n'));
  assert.deepEqual(await shim(failed.path, { CNI_COMMAND: 'ADD' }), {
    code: 1,
    out: '{"code":7,"msg":"no"}\n',
    error: '',
  });
});

test('an answer in pieces is put together', async (context) => {
  const { path } = await agent(context, (socket) => {
    socket.write('{"result":{"ok":{"a"');
    setTimeout(() => socket.end(':1}}}\n'), 50);
  });
  assert.equal((await shim(path, { CNI_COMMAND: 'ADD' })).out, '{"a":1}\n');
});

suite('code 11, with what can be known of the agent,', () => {
  async function refused(path: string, message: RegExp, details: RegExp): Promise<void> {
    const { code, out } = await shim(path, { CNI_COMMAND: 'ADD' });
    assert.equal(code, 1);
    const error: { readonly code: number; readonly msg: string; readonly details: string } = JSON.parse(out);
    assert.equal(error.code, 11);
    assert.match(error.msg, message);
    assert.match(error.details, details);
    assert.match(error.details, /subnet file .*weft status/);
  }

  test('when there is no socket', () =>
    refused('/nonexistent/agent.sock', /does not run here, or is still starting/, /no such socket/));

  test('when nobody listens', async (context) => {
    const folder = mkdtempSync(join(tmpdir(), 'weft-shim-'));
    context.after(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'dead.sock');
    const program = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
    await new Promise((resolve) => void spawn(process.execPath, ['-e', program]).on('close', resolve));
    await refused(path, /has ended/, /left which was killed/);
  });

  test('when it hangs up', async (context) => {
    const { path } = await agent(context, (socket) => socket.destroy());
    await refused(path, /ended before it had answered/, /hung up|reset/);
  });

  test('when it cannot serve the request', async (context) => {
    const { path } = await agent(context, (socket) =>
      socket.end('{"error":{"code":"agent.timeout","message":"late"}}\n'),
    );
    await refused(path, /could not serve/, /agent\.timeout/);
  });
});

test('an input without end is refused with code 5', async () => {
  const { code, out } = await shim('/nonexistent', { CNI_COMMAND: 'ADD' }, 'x'.repeat(300 * 1024));
  assert.equal(code, 1);
  assert.equal(JSON.parse(out).code, 5);
});

test('a path that no socket can have is refused with code 4', async () => {
  assert.equal(JSON.parse((await shim(`/${'x'.repeat(120)}`, { CNI_COMMAND: 'ADD' })).out).code, 4);
});
