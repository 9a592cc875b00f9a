import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { suite, test } from 'node:test';
import { Fault } from '#runtime/fault.ts';
import { askAgent } from './ask-agent.ts';
import { LONGEST_REQUEST_BYTES } from './protocol.ts';
import { connected, ended, sendRaw, testControl } from './test-socket.ts';

const ECHO = '{"method":"echo","params":{"n":1}}';

test('a request is answered, the socket is for root alone and gone after the end', async (t) => {
  const server = await testControl(t);
  assert.equal(statSync(server.path).mode & 0o777, 0o600);
  assert.deepEqual(await askAgent({ socket: server.path, method: 'echo', params: { text: 'ü\n' } }), { text: 'ü\n' });
  await server.close();
  assert.equal(existsSync(server.path), false);
});

test('the umask of the process is what it was', async (t) => {
  const before = process.umask();
  await testControl(t);
  assert.equal(process.umask(), before);
});

test('a hundred clients at once each get their own answer', async (t) => {
  const { path } = await testControl(t);
  for (const batch of [0, 1]) {
    const numbers = Array.from({ length: 50 }, (_, index) => batch * 50 + index);
    const answers = await Promise.all(numbers.map((n) => askAgent({ socket: path, method: 'echo', params: { n } })));
    assert.deepEqual(
      answers,
      numbers.map((n) => ({ n })),
    );
  }
});

test('a request may come byte by byte, and without a line end when the client then stops writing', async (t) => {
  const { path } = await testControl(t);
  const socket = await connected(path);
  for (const byte of ECHO) {
    socket.write(byte);
    await new Promise((resolve) => setImmediate(resolve));
  }
  socket.write('\n');
  const [answer] = await once(socket, 'data');
  assert.equal(String(answer), '{"result":{"n":1}}\n');
  assert.equal(await sendRaw(path, ECHO, true), '{"result":{"n":1}}\n');
});

test('a method may take its time, and what is slower than its patience is said to be', async (t) => {
  const { path } = await testControl(t, {
    later: { run: () => new Promise((resolve) => setTimeout(resolve, 20, 'done')), patienceMs: 10_000 },
    never: { run: () => new Promise(() => undefined), patienceMs: 30 },
  });
  assert.equal(await askAgent({ socket: path, method: 'later' }), 'done');
  await assert.rejects(askAgent({ socket: path, method: 'never' }), {
    code: 'agent.timeout',
    message: 'the agent took more than 0.03 s for never',
  });
});

suite('what goes wrong in a method', () => {
  test('is the answer when it is a Fault, thrown or rejected with', async (t) => {
    const fault = new Fault('lease.lost', { what: 'it is gone' });
    const { path, logged } = await testControl(t, {
      throws: {
        run: () => {
          throw fault;
        },
        patienceMs: 10_000,
      },
      rejects: { run: () => Promise.reject(fault), patienceMs: 10_000 },
    });
    for (const method of ['throws', 'rejects']) {
      await assert.rejects(askAgent({ socket: path, method }), { code: 'lease.lost', message: 'it is gone' });
    }
    assert.deepEqual(logged, []);
  });

  test('is logged when it is a mistake of ours, and the agent lives on', async (t) => {
    const { path, logged } = await testControl(t, {
      wrong: {
        run: () => {
          throw new TypeError('x is not a function');
        },
        patienceMs: 10_000,
      },
    });
    await assert.rejects(askAgent({ socket: path, method: 'wrong' }), { code: 'agent.answer', why: 'see its log' });
    assert.match(logged.join('\n'), /level|a request failed.*x is not a function/);
    assert.deepEqual(await askAgent({ socket: path, method: 'echo' }), {});
  });
});

suite('a client that', () => {
  test('asks for what there is not is told so', async (t) => {
    const { path } = await testControl(t);
    await assert.rejects(askAgent({ socket: path, method: 'fly' }), {
      code: 'agent.request',
      message: 'there is no method "fly"',
    });
  });

  test('sends rubbish gets a fault as its answer', async (t) => {
    const { path } = await testControl(t);
    for (const rubbish of ['\n', 'GET / HTTP/1.1\n', '{"method":\n', new Uint8Array([0, 255, 254, 10])]) {
      assert.match(await sendRaw(path, rubbish), /^\{"error":\{"code":"agent\.request",.*\}\}\n$/);
    }
  });

  test('writes without end is told where the end is', async (t) => {
    const { path } = await testControl(t);
    const answer = await sendRaw(path, 'x'.repeat(4 * LONGEST_REQUEST_BYTES));
    assert.match(answer, new RegExp(`the request is longer than ${LONGEST_REQUEST_BYTES} bytes`));
  });

  test('says nothing is cut off after its time, while others are served', async (t) => {
    const { path } = await testControl(t, {}, 100);
    const silent = await connected(path);
    const half = await connected(path);
    half.write('{"method":');
    assert.deepEqual(await askAgent({ socket: path, method: 'echo' }), {});
    await Promise.all([silent, half].map((socket) => ended(socket)));
  });

  test('goes away before its answer is there harms nobody', async (t) => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const { path } = await testControl(t, { slow: { run: () => promise, patienceMs: 10_000 } });
    const socket = await connected(path);
    socket.write('{"method":"slow"}\n');
    await new Promise((done) => setTimeout(done, 20));
    socket.destroy();
    resolve('too late');
    assert.deepEqual(await askAgent({ socket: path, method: 'echo' }), {});
  });

  test('does not read its answer is cut off after its time', async (t) => {
    const large = 'x'.repeat(8 * 1024 * 1024);
    const { path } = await testControl(t, { large: { run: () => large, patienceMs: 10_000 } }, 200);
    const socket = await connected(path);
    socket.pause();
    socket.write('{"method":"large"}\n');
    await new Promise((done) => setTimeout(done, 1000));
    let bytes = 0;
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    await ended(socket);
    assert(bytes < large.length, `${bytes} bytes came`);
    assert.equal(await askAgent({ socket: path, method: 'large' }), large);
  });
});

test('the end does not wait for clients', async (t) => {
  const server = await testControl(t, { never: { run: () => new Promise(() => undefined), patienceMs: 60_000 } });
  const silent = await connected(server.path);
  const asking = await connected(server.path);
  asking.write('{"method":"never"}\n');
  await askAgent({ socket: server.path, method: 'echo' });
  await server.close();
  for (const socket of [silent, asking]) socket.destroy();
});
