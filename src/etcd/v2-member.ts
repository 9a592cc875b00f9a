/** One member as the v2 client has it: its connections are dialled, verified and explained as those of v3. */
import { Agent } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { dial } from './dial.ts';
import type { Endpoint } from './endpoint-url.ts';
import { closedFault } from './faults.ts';
import type { Outcome } from './outcome.ts';
import type { TlsFiles } from './tls-files.ts';
import { exchange, type V2ExchangeOptions, type V2Peer, type V2Reply, type V2Request } from './v2-exchange.ts';

/** A watch and a few calls at once; more wait for one of these. */
const MOST_SOCKETS = 16;
/** Longer than between two looks at a member, so that those keep one connection warm for the next renewal. */
const IDLE_SOCKET_MS = 45_000;
/** A poll may be silent for days: so the kernel finds out that its peer is gone, and a firewall between does not forget it. */
const TCP_KEEP_ALIVE_MS = 15_000;

/** Where one member answers, with the connections to it. */
export class V2Member implements V2Peer {
  readonly endpoint: Endpoint;
  readonly hasClientCertificate: boolean;
  readonly agent: DialledAgent;
  heard: boolean = false;

  constructor(endpoint: Endpoint, files: TlsFiles, connectMs: number) {
    this.endpoint = endpoint;
    this.hasClientCertificate = files.certFile !== undefined;
    this.agent = new DialledAgent(endpoint, files, connectMs);
  }

  exchange(request: V2Request, options: V2ExchangeOptions): Promise<Outcome<V2Reply>> {
    return exchange(this, request, options);
  }

  close(): void {
    this.agent.close();
  }
}

/** Keeps connections alive and makes them with `dial`. */
class DialledAgent extends Agent {
  readonly #endpoint: Endpoint;
  readonly #files: TlsFiles;
  readonly #connectMs: number;
  #closed: boolean = false;

  constructor(endpoint: Endpoint, files: TlsFiles, connectMs: number) {
    super({ keepAlive: true, maxSockets: MOST_SOCKETS, timeout: IDLE_SOCKET_MS });
    this.#endpoint = endpoint;
    this.#files = files;
    this.#connectMs = connectMs;
  }

  override createConnection(_: unknown, done?: (error: Error | null, socket: Duplex) => void): undefined {
    const failed = (fault: Error): void => done?.(fault, new Socket());
    if (this.#closed) return void queueMicrotask(() => failed(closedFault()));
    dial({
      endpoint: this.#endpoint,
      files: this.#files,
      timeoutMs: this.#connectMs,
      protocol: 'http/1.1',
    }).then((socket) => {
      socket.setKeepAlive(true, TCP_KEEP_ALIVE_MS);
      if (!this.#closed) return done?.(null, socket);
      socket.destroy();
      failed(closedFault());
    }, failed);
    return undefined;
  }

  close(): void {
    this.#closed = true;
    this.destroy();
  }
}
