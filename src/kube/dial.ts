/**
 * Connections to an API server: opened by hand, so that its certificate is verified, and explained when it is wrong, before a
 * token is sent; kept alive by Node's agent.
 */
import { Agent } from 'node:http';
import { connect, isIP, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type ConnectionOptions, checkServerIdentity, connect as connectTls, type TLSSocket } from 'node:tls';
import type { Fault } from '#runtime/fault.ts';
import { connected } from '#tls/connected.ts';
import { loadCredentials, sourceName } from '#tls/credentials.ts';
import { alertFault, endedHandshake } from '#tls/handshake-fault.ts';
import type { TlsPeer } from '#tls/peer.ts';
import { verificationFault } from '#tls/verification-fault.ts';
import type { KubeAccess } from './access.ts';
import { closedFault, connectFault, timeoutFault } from './faults.ts';

const API_SERVER: TlsPeer = { faults: 'kube', name: 'the API server' };

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
  const connecting = {
    timeoutMs,
    failed: (error: Error | undefined, reached: boolean) => dialFault(access, host, error, reached),
    late: (missing: string) => timeoutFault(missing, access.url, timeoutMs),
  };
  if (!isTls) return connected(connect(address), { ...connecting, readyEvent: 'connect', verify: () => undefined });
  const name = access.tls.serverName ?? host;
  const options: ConnectionOptions = {
    ...address,
    secureContext: loadCredentials(API_SERVER, access.tls, Date.now()),
    ALPNProtocols: ['http/1.1'],
    // Verified below, where the certificate is at hand for the message; nothing is sent before that.
    rejectUnauthorized: false,
    checkServerIdentity: (_, certificate) => checkServerIdentity(name, certificate),
    // Only host names can be asked for (RFC 6066).
    ...(isIP(name) === 0 ? { servername: name } : {}),
  };
  const socket = connectTls(options);
  const verify = (): Fault | undefined => refusedServer(socket, access, name);
  return connected(socket, { ...connecting, readyEvent: 'secureConnect', verify });
}

function refusedServer(socket: TLSSocket, { tls, url }: KubeAccess, host: string): Fault | undefined {
  if (socket.authorized || tls.insecure === true) return undefined;
  const caName = tls.ca && sourceName(tls.ca);
  return verificationFault(API_SERVER, socket, { host, url, caName, nowMs: Date.now() });
}

function dialFault({ tls, url }: KubeAccess, host: string, error: Error | undefined, reached: boolean): Fault {
  const alert = alertFault(API_SERVER, error, url, tls.certificate !== undefined);
  if (alert !== undefined) return alert;
  return error === undefined || reached ? endedHandshake(API_SERVER, url, error) : connectFault(error, host, url);
}
