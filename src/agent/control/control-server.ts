/**
 * Listens on the control socket: one request on each connection, many connections at once, every one of them bounded in
 * size and time, so that a client that hangs, talks without end or does not read harms nobody. Loaded after the start.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { Fault } from '#runtime/fault.ts';
import type { Log } from '#runtime/log.ts';
import type { ControlMethods } from './methods.ts';
import { decodeRequest, encodeFault, encodeResult, LONGEST_REQUEST_BYTES, misunderstood } from './protocol.ts';
import { clearSocketPath, socketFault } from './socket-path.ts';

export interface ControlOptions {
  readonly path: string;
  readonly methods: ControlMethods;
  readonly log: Log;
  /** How long a client may take to ask, and to read the answer; default 10 s each. */
  readonly clientPatienceMs?: number;
}

export interface ControlServer {
  /** Ends all connections and removes the socket. */
  close(): Promise<void>;
}

const CLIENT_PATIENCE_MS = 10_000;
/** More than that is somebody who does not close what he opens; a host that starts may ask for all its containers at once. */
const MOST_CONNECTIONS = 512;
/** For the owner alone; nobody may connect between the making of the socket and a change of its mode. */
const UMASK = 0o177;

/** Listens when it resolves. Throws Fault `agent.control-socket`. */
export async function openControlServer(options: ControlOptions): Promise<ControlServer> {
  const { path } = options;
  await clearSocketPath(path);
  const open = new Set<Socket>();
  // A client may close its writing side once it has asked.
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    // A client that goes away is its own affair.
    socket.on('error', () => undefined);
    void serve(socket, options);
  });
  server.maxConnections = MOST_CONNECTIONS;
  await listen(server, path);
  // What goes wrong with the listening later takes away a way to look, nothing else.
  server.on('error', (error) => options.log.warn('control socket', { why: error.message }));
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(socketFault(path, error.message, error)));
    const before = process.umask(UMASK);
    try {
      // The socket is made before this returns.
      server.listen({ path }, () => {
        server.removeAllListeners('error');
        resolve();
      });
    } finally {
      process.umask(before);
    }
  });
}

async function serve(socket: Socket, options: ControlOptions): Promise<void> {
  const patienceMs = options.clientPatienceMs ?? CLIENT_PATIENCE_MS;
  const late = setTimeout(() => socket.destroy(), patienceMs);
  const line = await readLine(socket);
  clearTimeout(late);
  if (line === undefined) {
    socket.destroy();
    return;
  }
  const answer = await answerTo(line, options);
  if (socket.destroyed) return;
  // The client closes when it has read; to close first would take an answer away from one that still writes.
  const unread = setTimeout(() => socket.destroy(), patienceMs);
  socket.on('close', () => clearTimeout(unread));
  socket.end(answer);
}

/** The first line; a Fault when it is too long, undefined when the client goes before it is whole. */
function readLine(socket: Socket): Promise<string | Fault | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | Fault | undefined>();
  const chunks: Buffer[] = [];
  let bytes = 0;
  let whole = false;
  socket.on('data', (chunk: Buffer) => {
    // What comes after the line, or beyond the limit, is read and forgotten.
    if (whole) return;
    const end = chunk.indexOf(0x0a);
    bytes += end < 0 ? chunk.length : end;
    whole = end >= 0 || bytes > LONGEST_REQUEST_BYTES;
    if (bytes > LONGEST_REQUEST_BYTES) {
      resolve(misunderstood(`the request is longer than ${LONGEST_REQUEST_BYTES} bytes`));
      return;
    }
    chunks.push(end < 0 ? chunk : chunk.subarray(0, end));
    if (whole) resolve(Buffer.concat(chunks).toString());
  });
  // The end of what a client writes is the end of its line too.
  socket.on('end', () => resolve(bytes === 0 ? undefined : Buffer.concat(chunks).toString()));
  socket.on('close', () => resolve(undefined));
  return promise;
}

async function answerTo(line: string | Fault, { methods, log }: ControlOptions): Promise<string> {
  try {
    if (line instanceof Fault) throw line;
    const { method, params } = decodeRequest(line);
    const found = methods.get(method);
    if (found === undefined) throw misunderstood(`there is no method ${JSON.stringify(method.slice(0, 40))}`);
    const done = new AbortController();
    const late = pause(found.patienceMs, undefined, { signal: done.signal, ref: false }).then(() => {
      throw new Fault('agent.timeout', { what: `the agent took more than ${found.patienceMs / 1000} s for ${method}` });
    });
    try {
      return encodeResult(await Promise.race([found.run(params), late]));
    } finally {
      done.abort();
      late.catch(() => undefined);
    }
  } catch (error) {
    if (error instanceof Fault) return encodeFault(error);
    // A mistake of ours in an answer is no reason to stop what forwards.
    const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
    log.error('a request failed', { why });
    return encodeFault(new Fault('agent.answer', { what: 'the agent failed at this request', why: 'see its log' }));
  }
}
