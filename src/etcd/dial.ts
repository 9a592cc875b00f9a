/** Opens the TCP or TLS connection to one endpoint and verifies the server before anything is sent on it. */
import { connect, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type SecureContext, type TLSSocket } from 'node:tls';
import type { Fault } from '#runtime/fault.ts';
import { type Connecting, connected } from '#tls/connected.ts';
import { loadCredentials } from '#tls/credentials.ts';
import { alertFault, endedHandshake } from '#tls/handshake-fault.ts';
import { verificationFault } from '#tls/verification-fault.ts';
import { type Endpoint, serverName } from './endpoint-url.ts';
import { connectFault, protocolFault, timeoutFault } from './faults.ts';
import { credentialsOf, ETCD, type TlsFiles } from './tls-files.ts';

export interface DialOptions {
  readonly endpoint: Endpoint;
  readonly files: TlsFiles;
  readonly timeoutMs: number;
  /** What is to be spoken on the socket; over TLS it is negotiated (ALPN, RFC 7301). */
  readonly protocol: 'h2' | 'http/1.1';
}

/** Gives a connected, verified socket or throws a Fault. The attempt begins before the function returns. */
export function dial(options: DialOptions): Promise<Socket> {
  const { endpoint } = options;
  const connecting = {
    timeoutMs: options.timeoutMs,
    failed: (error: Error | undefined, reached: boolean) => dialFault(options, error, reached),
    late: (missing: string) => timeoutFault(missing, endpoint.url, options.timeoutMs),
  };
  const plain: Connecting = { ...connecting, readyEvent: 'connect', verify: () => undefined };
  if (endpoint.type === 'unix') return connected(connect(endpoint.path), plain);
  const address = { host: endpoint.host, port: endpoint.port, noDelay: true, keepAlive: true };
  if (!endpoint.tls) return connected(connect(address), plain);
  let secureContext: SecureContext;
  try {
    secureContext = loadCredentials(ETCD, credentialsOf(options.files), Date.now());
  } catch (error) {
    return Promise.reject(error);
  }
  const name = serverName(endpoint.host);
  const tlsOptions: ConnectionOptions = {
    ...address,
    secureContext,
    ALPNProtocols: [options.protocol],
    minVersion: 'TLSv1.2',
    // Verified in `refusedServer`, where the certificate is at hand for the message: nothing is sent before that.
    rejectUnauthorized: false,
    ...(name === undefined ? {} : { servername: name }),
  };
  const socket = connectTls(tlsOptions);
  const verify = (): Fault | undefined => refusedServer(socket, endpoint, options);
  return connected(socket, { ...connecting, readyEvent: 'secureConnect', verify });
}

function dialFault({ endpoint, files }: DialOptions, error: Error | undefined, reached: boolean): Fault {
  const alert = alertFault(ETCD, error, endpoint.url, files.certFile !== undefined);
  if (alert !== undefined) return alert;
  if (error === undefined || reached) return endedHandshake(ETCD, endpoint.url, error);
  return connectFault(error, endpoint.type === 'tcp' ? endpoint.host : endpoint.path, endpoint.url);
}

function refusedServer(
  socket: TLSSocket,
  endpoint: Endpoint & { readonly type: 'tcp' },
  { files, protocol }: DialOptions,
): Fault | undefined {
  if (!socket.authorized) {
    const { host, url } = endpoint;
    return verificationFault(ETCD, socket, { host, url, caName: files.caFile, nowMs: Date.now() });
  }
  // Whoever negotiates nothing speaks HTTP/1.1.
  if (protocol === 'h2' && socket.alpnProtocol !== 'h2') {
    return protocolFault({ where: endpoint.url, why: 'it speaks TLS, but not HTTP/2' });
  }
  return undefined;
}
