/**
 * One HTTP/2 session on a verified socket. Watches over it with PING frames while calls are open: a member that is
 * frozen or cut off answers none, and the session is given up.
 */

import type { ClientHttp2Session, ClientHttp2Stream, OutgoingHttpHeaders } from 'node:http2';
import type { Socket } from 'node:net';
import { monotonicMs } from '#runtime/clock.ts';
import { Fault } from '#runtime/fault.ts';
import { alertFault } from '#tls/handshake-fault.ts';
import type { Endpoint } from './endpoint-url.ts';
import { lostFault, timeoutFault } from './faults.ts';
import { ETCD } from './tls-files.ts';

export interface SessionOptions {
  readonly endpoint: Endpoint;
  readonly keepAliveMs: number;
  readonly hasClientCertificate: boolean;
}

/** Room for data on its way in: large range answers need not wait for window updates. */
const WINDOW_BYTES = 1024 * 1024;
/** etcd closes the connection of whom it hears pinging more often than each 5 s (`--grpc-keepalive-min-time`). */
const IDLE_PING_MS = 5_100;

/** Node's HTTP/2, loaded when it is first needed: it takes 20 ms. */
export function loadHttp2(): typeof import('node:http2') {
  return process.getBuiltinModule('node:http2');
}

export class Session {
  readonly endpoint: Endpoint;
  readonly #options: SessionOptions;
  readonly #http2: ClientHttp2Session;
  #timer: NodeJS.Timeout | undefined;
  #openStreams = 0;
  #waitingCalls = 0;
  #heardMs = monotonicMs();
  #pingedMs = Number.NEGATIVE_INFINITY;
  #heardSettings: boolean = false;
  #loss: Fault | undefined;

  constructor(socket: Socket, options: SessionOptions) {
    this.endpoint = options.endpoint;
    this.#options = options;
    const { connect } = loadHttp2();
    this.#http2 = connect(options.endpoint.type === 'unix' ? 'http://localhost' : options.endpoint.url, {
      createConnection: () => socket,
      settings: { enablePush: false, initialWindowSize: WINDOW_BYTES },
    });
    this.#http2.once('connect', () => this.#http2.setLocalWindowSize(WINDOW_BYTES));
    this.#http2.once('remoteSettings', () => {
      this.#heardSettings = true;
    });
    this.#http2.on('error', (error) => {
      this.#loss ??= this.explain(error);
    });
    this.#http2.once('close', () => clearTimeout(this.#timer));
  }

  /** New calls may be made. */
  get usable(): boolean {
    return !this.#http2.closed && !this.#http2.destroyed;
  }

  /** Opens a stream. `awaitsAnswer`: the far side owes an answer soon, so silence is suspicious. */
  open(headers: OutgoingHttpHeaders, awaitsAnswer: boolean): ClientHttp2Stream {
    const stream = this.#http2.request(headers);
    this.#openStreams++;
    if (awaitsAnswer) this.#waitingCalls++;
    stream.once('close', () => {
      this.#openStreams--;
      if (awaitsAnswer) this.#waitingCalls--;
    });
    this.#watchOver();
    return stream;
  }

  /** Something came in: the far side is alive. */
  heard(): void {
    this.#heardMs = monotonicMs();
  }

  /** Why the session, or a stream of it, broke. */
  explain(error: unknown): Fault {
    if (this.#loss !== undefined) return this.#loss;
    const { endpoint, hasClientCertificate } = this.#options;
    const { url } = endpoint;
    const root = error instanceof Error && error.cause !== undefined ? error.cause : error;
    const alert = alertFault(ETCD, root, url, hasClientCertificate);
    if (alert !== undefined) return alert;
    if (this.#heardSettings) return lostFault(root, url);
    if (endpoint.type === 'tcp' && endpoint.tls) {
      const why = hasClientCertificate
        ? 'it closed the connection after the handshake, most likely because of the client certificate'
        : 'it closed the connection after the handshake, most likely because it wants a client certificate';
      return new Fault('etcd.tls.client', { what: 'etcd does not talk to this client', where: url, why, cause: root });
    }
    return new Fault('etcd.tls.handshake', {
      what: 'the endpoint does not speak HTTP/2 in the clear',
      where: url,
      why: 'it closed the connection or sent something else; most likely it speaks TLS',
      remedy: `use ${url.replace('http:', 'https:')}, or give an etcd v3 client URL`,
      cause: root,
    });
  }

  /** Ends the session and every call on it. */
  destroy(fault: Fault): void {
    this.#loss ??= fault;
    this.#http2.destroy();
  }

  #watchOver(): void {
    if (this.#timer !== undefined) return;
    const { keepAliveMs } = this.#options;
    const spacingMs = this.#waitingCalls > 0 ? keepAliveMs : Math.max(keepAliveMs, IDLE_PING_MS);
    const now = monotonicMs();
    const dueMs = Math.max(this.#heardMs + keepAliveMs, this.#pingedMs + spacingMs, now);
    // Looks again within the interval, since a call may begin meanwhile.
    this.#timer = setTimeout(() => this.#look(), Math.min(dueMs - now, keepAliveMs));
    this.#timer.unref();
  }

  #look(): void {
    this.#timer = undefined;
    if (this.#openStreams === 0 || !this.usable) return;
    const { keepAliveMs } = this.#options;
    const now = monotonicMs();
    const spacingMs = this.#waitingCalls > 0 ? keepAliveMs : Math.max(keepAliveMs, IDLE_PING_MS);
    if (now >= this.#heardMs + keepAliveMs && now >= this.#pingedMs + spacingMs) this.#ping(now);
    this.#watchOver();
  }

  #ping(now: number): void {
    this.#pingedMs = now;
    const { keepAliveMs, endpoint } = this.#options;
    const giveUp = setTimeout(() => {
      this.destroy(timeoutFault('etcd did not answer a PING', endpoint.url, keepAliveMs));
    }, keepAliveMs);
    giveUp.unref();
    this.#http2.ping((error) => {
      clearTimeout(giveUp);
      if (error === null) this.heard();
    });
  }
}
