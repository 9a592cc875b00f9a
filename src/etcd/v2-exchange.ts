/** One request to one member over HTTP/1.1, and how it ended. */
import { type Agent, type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { Fault } from '#runtime/fault.ts';
import { alertFault } from '#tls/handshake-fault.ts';
import type { Endpoint } from './endpoint-url.ts';
import { closedFault, errorCode, lostFault, timeoutFault } from './faults.ts';
import type { Failure, FailureKind, Outcome } from './outcome.ts';
import { ETCD } from './tls-files.ts';
import { isAnswer, notPlainFault, notV2Fault, refusedByV2 } from './v2-faults.ts';
import { errorOf, type V2Error } from './v2-reply.ts';

/** As for v3: far more than etcd sends, and little enough to bound the memory. */
const LARGEST_BODY_BYTES = 64 * 1024 * 1024;

export interface V2Request {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'DELETE';
  /** Below the endpoint, with the query. */
  readonly path: string;
  /** Form fields. */
  readonly form?: string;
  /** What is asked, for messages. */
  readonly asked: string;
}

/** Which store answered, and how far it is. */
export interface V2Mark {
  readonly clusterId: bigint;
  /** X-Etcd-Index: counts changes of the v2 store. */
  readonly index: number;
  /** X-Raft-Index: how far this member is; undefined on answers that have none (errors). */
  readonly raftIndex: number | undefined;
}

export interface V2Reply {
  readonly mark: V2Mark;
  /** One of those that a verb takes for an answer. */
  readonly error: V2Error | undefined;
  /** Parsed JSON; undefined for HEAD, and for a watch that ended without an event. */
  readonly body: unknown;
}

export interface V2ExchangeOptions {
  readonly username: string | undefined;
  /** The header's value. */
  readonly authorization: string | undefined;
  readonly connectMs: number;
  /** Until the whole reply is there; for a poll, until its head is. */
  readonly timeoutMs: number;
  /** The request stays open until something happens; called when the member has taken it. */
  readonly poll?: (mark: V2Mark) => void;
  /** Gives the request up. */
  readonly signal?: AbortSignal;
}

/** Who is asked, and by which connections. */
export interface V2Peer {
  readonly endpoint: Endpoint;
  readonly agent: Agent;
  /** A certificate of our own is shown. */
  readonly hasClientCertificate: boolean;
  /** It has answered over HTTP. */
  heard: boolean;
}

/** Makes the request; an aborted one ends as `unsent`, since nobody waits for it. */
export function exchange(peer: V2Peer, request: V2Request, options: V2ExchangeOptions): Promise<Outcome<V2Reply>> {
  return new Promise((resolve) => new Exchange(peer, request, options, resolve));
}

class Exchange {
  readonly #peer: V2Peer;
  readonly #request: V2Request;
  readonly #options: V2ExchangeOptions;
  readonly #http: ClientRequest;
  #settle: ((outcome: Outcome<V2Reply>) => void) | undefined;
  #timers: NodeJS.Timeout[] = [];
  #sent: boolean = false;

  constructor(
    peer: V2Peer,
    request: V2Request,
    options: V2ExchangeOptions,
    settle: (outcome: Outcome<V2Reply>) => void,
  ) {
    this.#peer = peer;
    this.#request = request;
    this.#options = options;
    this.#settle = settle;
    const { form } = request;
    const { endpoint, agent } = peer;
    this.#http = httpRequest({
      agent,
      method: request.method,
      path: request.path,
      // Only names the pool of connections and the Host header: where to connect is the agent's knowledge.
      host: endpoint.type === 'tcp' ? endpoint.host : 'localhost',
      ...(endpoint.type === 'tcp' ? { port: endpoint.port } : {}),
      headers: {
        ...(options.authorization === undefined ? {} : { authorization: options.authorization }),
        ...(form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
      },
    });
    this.#watchOver(options);
    this.#http.end(form);
  }

  #watchOver({ connectMs, timeoutMs, signal }: V2ExchangeOptions): void {
    const { asked } = this.#request;
    const limit = (ms: number, run: () => void): NodeJS.Timeout => {
      const timer = setTimeout(run, ms);
      this.#timers.push(timer);
      return timer;
    };
    const connecting = limit(Math.min(connectMs, timeoutMs), () => {
      this.#fail('unsent', timeoutFault('no connection to etcd', this.#peer.endpoint.url, connectMs));
    });
    limit(timeoutMs, () =>
      this.#fail('unknown', timeoutFault(`etcd did not answer ${asked}`, this.#peer.endpoint.url, timeoutMs)),
    );
    const abort = (): void => this.#fail('unsent', closedFault());
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort, { once: true });
    this.#http.on('close', () => signal?.removeEventListener('abort', abort));
    this.#http.on('socket', () => {
      clearTimeout(connecting);
      this.#sent = true;
    });
    this.#http.on('error', (error) => this.#broken(error));
    this.#http.on('response', (response) => this.#read(response));
  }

  #broken(error: Error): void {
    if (error instanceof Fault) {
      this.#fail('unsent', error);
      return;
    }
    const { endpoint, hasClientCertificate, heard } = this.#peer;
    // In TLS 1.3 a server refuses the client only when the client takes the handshake for done.
    const refused = alertFault(ETCD, error, endpoint.url, hasClientCertificate);
    if (refused !== undefined) {
      this.#fail('unsent', refused);
      return;
    }
    const code = errorCode(error);
    const fault = code.startsWith('HPE_')
      ? notV2Fault(endpoint.url, `it does not speak HTTP (${code})`)
      : !heard && this.#sent && endpoint.type === 'tcp' && !endpoint.tls
        ? notPlainFault(endpoint.url, error)
        : lostFault(error, endpoint.url);
    this.#fail(this.#sent ? 'unknown' : 'unsent', fault);
  }

  #read(response: IncomingMessage): void {
    const { statusCode = 0, headers } = response;
    this.#peer.heard = true;
    const type = headers['content-type'] ?? 'none';
    const cluster = headers['x-etcd-cluster-id'];
    response.on('error', () => undefined);
    if (!type.startsWith('application/json') || typeof cluster !== 'string' || !/^[\da-f]{1,16}$/i.test(cluster)) {
      const why =
        statusCode === 404 ? 'it serves no /v2/keys' : `it answers with HTTP status ${statusCode} and ${type}`;
      this.#fail('unknown', notV2Fault(this.#peer.endpoint.url, why));
      return;
    }
    const mark = {
      clusterId: BigInt(`0x${cluster}`),
      index: Number(headers['x-etcd-index'] ?? 0),
      raftIndex: headers['x-raft-index'] === undefined ? undefined : Number(headers['x-raft-index']),
    };
    if (!Number.isSafeInteger(mark.index)) {
      this.#fail('unknown', notV2Fault(this.#peer.endpoint.url, 'its X-Etcd-Index is no number'));
      return;
    }
    if (this.#options.poll !== undefined && statusCode === 200) {
      this.#endTimers();
      this.#options.poll(mark);
    }
    const chunks: Buffer[] = [];
    let bytes = 0;
    response.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > LARGEST_BODY_BYTES) {
        this.#fail(
          'unknown',
          notV2Fault(this.#peer.endpoint.url, `its answer is longer than ${LARGEST_BODY_BYTES} bytes`),
        );
      }
    });
    response.on('end', () => {
      if (response.complete) this.#finish(mark, statusCode, Buffer.concat(chunks).toString());
    });
    // Cut in the middle of the body.
    response.on('close', () => this.#fail('unknown', lostFault(undefined, this.#peer.endpoint.url)));
  }

  #finish(mark: V2Mark, status: number, text: string): void {
    const { asked, method } = this.#request;
    let body: unknown;
    try {
      body = method === 'HEAD' || (this.#options.poll !== undefined && text === '') ? undefined : JSON.parse(text);
    } catch {
      this.#fail('unknown', notV2Fault(this.#peer.endpoint.url, 'its answer is not valid JSON'));
      return;
    }
    const error = errorOf(body);
    if (error !== undefined && !isAnswer(error.errorCode)) {
      const { username } = this.#options;
      this.#end(refusedByV2({ ...error, url: this.#peer.endpoint.url, asked, username }));
    } else if (error === undefined && method !== 'HEAD' && status !== 200 && status !== 201) {
      this.#fail('unknown', notV2Fault(this.#peer.endpoint.url, `it answers with HTTP status ${status}`));
    } else this.#end({ type: 'ok', value: { mark, error, body } });
  }

  #fail(kind: FailureKind, fault: Fault): void {
    const failure: Failure = { type: 'failed', kind, fault };
    this.#end(failure);
    this.#http.destroy();
  }

  #end(outcome: Outcome<V2Reply>): void {
    this.#endTimers();
    this.#settle?.(outcome);
    this.#settle = undefined;
  }

  #endTimers(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers = [];
  }
}
