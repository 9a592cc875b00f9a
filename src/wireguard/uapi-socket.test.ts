import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Fault } from '#runtime/fault.ts';
import { askSocket } from './uapi-socket.ts';

test('an answer in pieces is put together, and what follows its empty line is not waited for', async (context) => {
  const path = await serve(context, (socket) => {
    socket.once('data', () => {
      socket.write('listen_port=1\nerrno=0\n');
      setTimeout(() => socket.write('\n'), 20);
    });
  });
  assert.equal(await askSocket(path, 'get=1\n\n'), 'listen_port=1\nerrno=0\n\n');
});

test('where nobody listens the answer is undefined', async (context) => {
  const directory = temporary(context);
  assert.equal(await askSocket(join(directory, 'wg0.sock'), 'get=1\n\n'), undefined);
});

test('a connection that is closed early is a Fault', async (context) => {
  const path = await serve(context, (socket) => socket.once('data', () => socket.end('errno=0\n')));
  await assert.rejects(askSocket(path, 'get=1\n\n'), isFault(/closed the connection/));
});

test('an answer without end is a Fault, not a full memory', async (context) => {
  const path = await serve(context, (socket) => {
    const chunk = 'x'.repeat(1 << 20);
    const more = (): void => {
      while (socket.writable && socket.write(chunk));
    };
    socket.on('drain', more);
    more();
  });
  await assert.rejects(askSocket(path, 'get=1\n\n'), isFault(/longer than 64 MiB/));
});

async function serve(context: TestContext, handle: (socket: Socket) => void): Promise<string> {
  const path = join(temporary(context), 'wg0.sock');
  const server = createServer((socket) => {
    socket.on('error', () => {});
    handle(socket);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  context.after(() => server.close());
  return path;
}

function temporary(context: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'weft-uapi-'));
  context.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function isFault(pattern: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof Fault && error.code === 'wireguard.device' && pattern.test(error.summary);
}
