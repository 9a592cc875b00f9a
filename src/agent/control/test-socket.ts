/** What the tests of the control socket have in common: a directory, a server with methods of their own, a raw client. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { createLog, type Log } from '#runtime/log.ts';
import { type ControlServer, openControlServer } from './control-server.ts';
import type { ControlMethod } from './methods.ts';

/** A path for a socket in a directory that goes with the test. */
export function socketPath(context: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'weft-control-'));
  context.after(() => rmSync(directory, { recursive: true }));
  return join(directory, 'agent.sock');
}

export interface TestControl extends ControlServer {
  readonly path: string;
  readonly logged: readonly string[];
}

export function testLog(lines: string[]): Log {
  return createLog({ verbose: true, journal: true, write: (line) => lines.push(line.trimEnd()), now: () => 0 });
}

/** A server with these methods beside `echo`; closed when the test ends. */
export async function testControl(
  context: TestContext,
  methods: Readonly<Record<string, ControlMethod>> = {},
  clientPatienceMs = 10_000,
): Promise<TestControl> {
  const path = socketPath(context);
  const logged: string[] = [];
  const echo: ControlMethod = { run: (params) => params, patienceMs: 10_000 };
  const table = new Map(Object.entries({ echo, ...methods }));
  const server = await openControlServer({ path, methods: table, log: testLog(logged), clientPatienceMs });
  context.after(() => server.close());
  return { path, logged, close: () => server.close() };
}

/** A connection that has been made. */
export async function connected(path: string): Promise<Socket> {
  const socket = createConnection({ path, allowHalfOpen: true });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

/** All that comes back for these bytes, up to the end of the connection. */
export async function sendRaw(path: string, bytes: string | Uint8Array, end = false): Promise<string> {
  const socket = await connected(path);
  if (end) socket.end(bytes);
  else socket.write(bytes);
  const answer = await text(socket);
  socket.destroy();
  return answer;
}

/** Waits until the other side is gone. */
export async function ended(socket: Socket): Promise<void> {
  socket.resume();
  await Promise.race([once(socket, 'end'), once(socket, 'close')]);
  socket.destroy();
}
