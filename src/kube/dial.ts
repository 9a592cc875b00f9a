/**
 * Connections to an API server: opened by hand, so that its certificate is verified, and explained when it is wrong, before a
 * token is sent; kept alive by Node's agent.
 */
import { Agent } from 'node:http';
import { connect, isIP, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type ConnectionOptions, checkServerIdentity, connect as connectTls, type TLSSocket } from 'node:tls';
import { Fault } from '#runtime/fault.ts';
import type { KubeAccess } from './access.ts';
import { closedFault, codeOf, connectFault, timeoutFault } from './faults.ts';
import { loadSecureContext, sourceName } from './tls-context.ts';
import { alertFault, verificationFault } from './tls-faults.ts';

/** Below the 60 s and more after which proxies drop idle connections. */
const IDLE_SOCKET_MS = 45_000;
/** A dead peer is noticed by the kernel, at the latest when the watch is silent for too long. */
const KEEP_ALIVE_MS = 30_000;

export class KubeAgent extends Agent {
  readonly #access: KubeAccess;
  readonly #timeoutMs: number;
  #closed: boolean = false;

  constructor(access: KubeAccess, timeoutMs: number) {
    super({ keepAlive: true, timeout: IDLE_SOCKET_MS });
    this.#access = access;
    this.#timeoutMs = timeoutMs;
  }

  override createConnection(_: unknown, done?: (error: Error | null, socket: Duplex) => void): undefined {
    const failed = (error: Error): void => done?.(error, new Socket());
    if (this.#closed) return void queueMicrotask(() => failed(closedFault()));
    dial(this.#access, this.#timeoutMs).then((socket) => {
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

/** Gives a connected, verified socket or throws a Fault. */
async function dial(access: KubeAccess, timeoutMs: number): Promise<Socket> {
  const { protocol, hostname, port } = new URL(access.url);
  const host = hostname.replace(/^\[|\]$/g, '');
  const isTls = protocol === 'https:';
  const address = {
    host,
    port: port === '' ? (isTls ? 443 : 80) : Number(port),
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MS,
  };
  if (!isTls) return connected(connect(address), 'connect', access, host, timeoutMs, () => undefined);
  const name = access.tls.serverName ?? host;
  const options: ConnectionOptions = {
    ...address,
    secureContext: loadSecureContext(access.tls, Date.now()),
    ALPNProtocols: ['http/1.1'],
    // Verified below, where the certificate is at hand for the message; nothing is sent before that.
    rejectUnauthorized: false,
    checkServerIdentity: (_, certificate) => checkServerIdentity(name, certificate),
    // Only host names can be asked for (RFC 6066).
    ...(isIP(name) === 0 ? { servername: name } : {}),
  };
  const socket = connectTls(options);
  return connected(socket, 'secureConnect', access, host, timeoutMs, () => refusedServer(socket, access, name));
}

function refusedServer(socket: TLSSocket, { tls, url }: KubeAccess, name: string): Fault | undefined {
  if (socket.authorized || tls.insecure === true) return undefined;
  return verificationFault(socket, name, url, tls.ca && sourceName(tls.ca));
}

function connected(
  socket: Socket,
  readyEvent: 'connect' | 'secureConnect',
  { url }: KubeAccess,
  host: string,
  timeoutMs: number,
  verify: () => Fault | undefined,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    let reached = false;
    const settle = (fault: Fault | undefined): void => {
      clearTimeout(timer);
      socket.off('error', onError).off('close', onClose).off(readyEvent, onReady);
      if (fault === undefined) {
        resolve(socket);
        return;
      }
      // A late error of a socket that was given up concerns nobody.
      socket.on('error', () => {});
      socket.destroy();
      reject(fault);
    };
    const onError = (error: Error): void => {
      const alert = alertFault(codeOf(error), error, url);
      settle(alert ?? (reached ? endedHandshake(url, error) : connectFault(error, host, url)));
    };
    const onClose = (): void => settle(endedHandshake(url, undefined));
    const onReady = (): void => settle(verify());
    const timer = setTimeout(() => {
      settle(timeoutFault(reached ? 'no TLS handshake' : 'no TCP connection', url, timeoutMs));
    }, timeoutMs);
    socket.once('connect', () => {
      reached = true;
    });
    socket.on('error', onError).on('close', onClose).on(readyEvent, onReady);
  });
}

function endedHandshake(url: string, error: Error | undefined): Fault {
  return new Fault('kube.tls.handshake', {
    what: 'the API server ended the connection during the TLS handshake',
    where: url,
    why: 'most likely it is a plain http:// endpoint, or it is stopping',
    cause: error,
  });
}
