/** One HTTP request to the API server: its head, and its body for those that read it at once. */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { Fault } from '#runtime/fault.ts';
import type { KubeAgent } from './dial.ts';
import { closedFault, lostFault, protocolFault, timeoutFault } from './faults.ts';

export interface KubeRequest {
  readonly method: 'GET' | 'PATCH';
  /** With the query. */
  readonly path: string;
  /** Verb and resource, for messages. */
  readonly asked: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Until the head is there. */
  readonly timeoutMs: number;
  /** Gives the request up. */
  readonly signal?: AbortSignal;
}

/** The head of the answer, whatever its status; throws a Fault when none comes. A connection that went stale is replaced once. */
export async function openExchange(agent: KubeAgent, url: string, request: KubeRequest): Promise<IncomingMessage> {
  const first = await attempt(agent, url, request);
  if (first !== 'stale') return first;
  const second = await attempt(agent, url, request);
  if (second !== 'stale') return second;
  throw lostFault(undefined, url);
}

function attempt(agent: KubeAgent, url: string, request: KubeRequest): Promise<IncomingMessage | 'stale'> {
  const { method, path, asked, headers, body, timeoutMs, signal } = request;
  const { hostname, port, pathname } = new URL(url);
  return new Promise((resolve, reject) => {
    let settled = false;
    const settle = (run: () => void): void => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      run();
    };
    const http = httpRequest({
      agent,
      method,
      path: `${pathname === '/' ? '' : pathname}${path}`,
      // Only names the pool of connections and the Host header: the agent knows where to connect.
      host: hostname.replace(/^\[|\]$/g, ''),
      ...(port === '' ? {} : { port }),
      headers: { ...headers, ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }) },
    });
    const abort = (): void => {
      settle(() => reject(closedFault()));
      http.destroy();
    };
    const timer = setTimeout(() => {
      settle(() => reject(timeoutFault(`no answer to ${asked}`, url, timeoutMs)));
      http.destroy();
    }, timeoutMs);
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort, { once: true });
    http.on('close', () => {
      signal?.removeEventListener('abort', abort);
      settle(() => reject(lostFault(undefined, url)));
    });
    http.on('error', (error) => {
      settle(() => {
        if (error instanceof Fault) reject(error);
        // Idle for long, and closed by the server just as it was used: nothing was done yet.
        else if (http.reusedSocket) resolve('stale');
        else reject(lostFault(error, url));
      });
    });
    http.on('response', (response) => {
      response.on('error', () => undefined);
      settle(() => resolve(response));
    });
    http.end(body);
  });
}

/** Far more than a page of nodes is. */
const LARGEST_BODY_BYTES = 256 * 1024 * 1024;

/** The whole body as text. Throws a Fault when it is cut, too long or too late. */
export async function readBody(response: IncomingMessage, url: string, timeoutMs: number): Promise<string> {
  const source = response.headers['content-encoding'] === 'gzip' ? await unzipped(response) : response;
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const fail = (fault: Fault): void => {
      clearTimeout(timer);
      response.destroy();
      reject(fault);
    };
    const timer = setTimeout(() => fail(timeoutFault('no complete answer', url, timeoutMs)), timeoutMs);
    source.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > LARGEST_BODY_BYTES) fail(protocolFault(url, `it is longer than ${LARGEST_BODY_BYTES} bytes`));
    });
    source.on('error', (error: Error) => fail(lostFault(error, url)));
    source.on('end', () => {
      clearTimeout(timer);
      resolve(Buffer.concat(chunks).toString());
    });
    // Cut in the middle.
    response.on('close', () => {
      if (!response.complete) fail(lostFault(undefined, url));
    });
  });
}

/** Loaded when a server compresses: small answers never are. */
async function unzipped(response: IncomingMessage): Promise<NodeJS.ReadableStream> {
  const { createGunzip } = await import('node:zlib');
  return response.pipe(createGunzip());
}
