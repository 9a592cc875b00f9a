/** The connection to one endpoint: dialled when it is first needed and again when it was lost; calls share it. */
import { dial } from './dial.ts';
import type { Endpoint } from './endpoint-url.ts';
import { closedFault } from './faults.ts';
import { loadHttp2, Session } from './session.ts';
import type { TlsFiles } from './tls-files.ts';

export interface ConnectionOptions {
  readonly endpoint: Endpoint;
  readonly files: TlsFiles;
  /** Limit of one attempt to connect, TLS included. */
  readonly connectMs: number;
  readonly keepAliveMs: number;
}

export class Connection {
  readonly endpoint: Endpoint;
  readonly #options: ConnectionOptions;
  #session: Session | undefined;
  #dialling: Promise<Session> | undefined;
  #closed: boolean = false;

  constructor(options: ConnectionOptions) {
    this.endpoint = options.endpoint;
    this.#options = options;
  }

  /** A usable session, or the Fault why there is none. Begins to connect before it returns. */
  session(): Promise<Session> {
    if (this.#session?.usable) return Promise.resolve(this.#session);
    this.#dialling ??= this.#dial().finally(() => {
      this.#dialling = undefined;
    });
    return this.#dialling;
  }

  close(): void {
    this.#closed = true;
    this.#session?.destroy(closedFault());
    this.#session = undefined;
  }

  async #dial(): Promise<Session> {
    const { endpoint, files, connectMs, keepAliveMs } = this.#options;
    if (this.#closed) throw closedFault();
    const dialled = dial({ endpoint, files, timeoutMs: connectMs, protocol: 'h2' });
    // Loading takes as long as a handshake, so it goes on while the far side is at work on that.
    setImmediate(loadHttp2);
    const socket = await dialled;
    if (this.#closed) {
      socket.destroy();
      throw closedFault();
    }
    const hasClientCertificate = files.certFile !== undefined;
    this.#session = new Session(socket, { endpoint, keepAliveMs, hasClientCertificate });
    return this.#session;
  }
}
