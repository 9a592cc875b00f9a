/** Opens the TCP or TLS connection to one endpoint and verifies the server before anything is sent on it. */
import { connect, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type SecureContext, type TLSSocket } from 'node:tls';
import { Fault } from '#runtime/fault.ts';
import { type Endpoint, serverName } from './endpoint-url.ts';
import { connectFault, protocolFault, timeoutFault } from './faults.ts';
import { alertFault, verificationFault } from './tls-faults.ts';
import { loadTlsFiles, type TlsFiles } from './tls-files.ts';

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
  if (endpoint.type === 'unix') return connected(connect(endpoint.path), 'connect', options, () => undefined);
  const address = { host: endpoint.host, port: endpoint.port, noDelay: true, keepAlive: true };
  if (!endpoint.tls) return connected(connect(address), 'connect', options, () => undefined);
  let secureContext: SecureContext;
  try {
    secureContext = loadTlsFiles(options.files, Date.now());
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
  return connected(socket, 'secureConnect', options, () => refusedServer(socket, endpoint, options));
}

function connected(
  socket: Socket,
  readyEvent: 'connect' | 'secureConnect',
  options: DialOptions,
  verify: () => Fault | undefined,
): Promise<Socket> {
  const { endpoint, timeoutMs } = options;
  return new Promise((resolve, reject) => {
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
    let reached = false;
    const onError = (error: Error): void => settle(dialFault(error, options, reached));
    const onClose = (): void => settle(endedHandshake(endpoint, undefined));
    const onReady = (): void => settle(verify());
    const timer = setTimeout(() => {
      settle(timeoutFault(reached ? 'no TLS handshake' : 'no TCP connection', endpoint.url, timeoutMs));
    }, timeoutMs);
    socket.once('connect', () => {
      reached = true;
    });
    socket.on('error', onError).on('close', onClose).on(readyEvent, onReady);
  });
}

function dialFault(error: Error, options: DialOptions, reached: boolean): Fault {
  const { endpoint, files } = options;
  const alert = alertFault(error, endpoint.url, files.certFile !== undefined);
  if (alert !== undefined) return alert;
  if (reached) return endedHandshake(endpoint, error);
  return connectFault(error, endpoint.type === 'tcp' ? endpoint.host : endpoint.path, endpoint.url);
}

/** What a plain etcd does to a TLS client, and what one does that is just going down. */
function endedHandshake({ url }: Endpoint, error: Error | undefined): Fault {
  return new Fault('etcd.tls.handshake', {
    what: 'the endpoint ended the connection during the TLS handshake',
    where: url,
    why: 'most likely it is a plain http:// endpoint, or etcd is stopping',
    remedy: `try ${url.replace('https:', 'http:')}, or give etcd a certificate`,
    cause: error,
  });
}

function refusedServer(
  socket: TLSSocket,
  endpoint: Endpoint & { readonly type: 'tcp' },
  { files, protocol }: DialOptions,
): Fault | undefined {
  if (!socket.authorized) return verificationFault(socket, endpoint, files.caFile, Date.now());
  // Whoever negotiates nothing speaks HTTP/1.1.
  if (protocol === 'h2' && socket.alpnProtocol !== 'h2') {
    return protocolFault({ where: endpoint.url, why: 'it speaks TLS, but not HTTP/2' });
  }
  return undefined;
}
