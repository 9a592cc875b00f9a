/** The client against servers that are not what they should be. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { askAgent } from './ask-agent.ts';
import { socketPath } from './test-socket.ts';

async function server(t: TestContext, serve: (socket: Socket) => void): Promise<string> {
  const path = socketPath(t);
  const open = new Set<Socket>();
  const listening = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => undefined);
    serve(socket);
  }).listen(path);
  await once(listening, 'listening');
  t.after(() => {
    for (const socket of open) socket.destroy();
    listening.close();
  });
  return path;
}

test('no socket is an agent that does not run', async (t) => {
  await assert.rejects(askAgent({ socket: socketPath(t), method: 'status' }), {
    code: 'agent.not-running',
    exitCode: 1,
    why: 'there is no control socket',
  });
});

test('an agent that ends in the middle of its answer is said to', async (t) => {
  const socket = await server(t, (client) => client.end('{"result":'));
  await assert.rejects(askAgent({ socket, method: 'status' }), { code: 'agent.answer', message: /ended before/ });
});

test('an agent that hangs is given up after the time', async (t) => {
  const socket = await server(t, () => undefined);
  await assert.rejects(askAgent({ socket, method: 'status', timeoutMs: 50 }), {
    code: 'agent.timeout',
    message: 'the agent did not answer within 0.05 s',
    where: socket,
  });
});

test('what is no answer is said to be none', async (t) => {
  const socket = await server(t, (client) => client.end('SSH-2.0-OpenSSH_9.2\n'));
  await assert.rejects(askAgent({ socket, method: 'status' }), { code: 'agent.answer' });
});
