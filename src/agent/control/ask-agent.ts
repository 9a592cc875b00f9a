/** Asks the agent of this host over its control socket. */
import { createConnection } from 'node:net';
import type { Json } from '#model/lease.ts';
import { Fault } from '#runtime/fault.ts';
import { decodeAnswer, encodeRequest, LONGEST_ANSWER_BYTES, type Params, unreadable } from './protocol.ts';

export interface AgentRequest {
  readonly socket: string;
  readonly method: string;
  readonly params?: Params;
  /** For the whole answer; default 5 s. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 5000;

/**
 * The result. Throws the Fault that the agent answers with, `agent.not-running` when nobody listens, `agent.timeout`,
 * `agent.answer` and `usage.not-root`.
 */
export async function askAgent(request: AgentRequest): Promise<Json> {
  const { socket, method, params = {} } = request;
  return decodeAnswer(await exchange(socket, encodeRequest({ method, params }), request.timeoutMs ?? TIMEOUT_MS));
}

function exchange(path: string, text: string, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const connection = createConnection({ path });
    const late = setTimeout(() => connection.destroy(tooLate(path, timeoutMs)), timeoutMs);
    const chunks: Buffer[] = [];
    let bytes = 0;
    connection.on('connect', () => connection.write(text));
    connection.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= LONGEST_ANSWER_BYTES) chunks.push(chunk);
      else connection.destroy(unreadable(`the answer is longer than ${LONGEST_ANSWER_BYTES} bytes`));
    });
    connection.on('error', (error) => reject(error instanceof Fault ? error : connectFault(path, error)));
    connection.on('close', () => {
      clearTimeout(late);
      const answer = Buffer.concat(chunks).toString();
      if (answer.endsWith('\n')) resolve(answer);
      else reject(unreadable('the agent ended before its answer was whole'));
    });
  });
}

function tooLate(path: string, timeoutMs: number): Fault {
  return new Fault('agent.timeout', { what: `the agent did not answer within ${timeoutMs / 1000} s`, where: path });
}

function connectFault(where: string, cause: NodeJS.ErrnoException): Fault {
  if (cause.code === 'EACCES' || cause.code === 'EPERM') {
    return new Fault('usage.not-root', { what: 'only root may ask the agent', where, cause });
  }
  const why =
    cause.code === 'ENOENT'
      ? 'there is no control socket'
      : cause.code === 'ECONNREFUSED'
        ? 'the control socket is one that a dead agent left'
        : cause.message;
  return new Fault('agent.not-running', { what: 'no agent answers on this host', where, why, cause });
}
