/** Translates what goes wrong in a TLS handshake into Faults that say which certificate, which name and which date. */
import { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { Fault } from '#runtime/fault.ts';

/** The server's certificate failed verification: `authorizationError` of the socket says why. */
export function verificationFault(
  socket: TLSSocket,
  { host, url }: { readonly host: string; readonly url: string },
  caFile: string | undefined,
  nowMs: number,
): Fault {
  const problem = String(socket.authorizationError);
  const chain = certificateChain(socket);
  const leaf = chain[0];
  if (problem === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const names = leaf?.subjectAltName ?? 'no name at all';
    return new Fault('etcd.tls.name', {
      what: `the server's certificate is not for ${host}`,
      where: url,
      why: `it is for ${names.replaceAll('IP Address:', '').replaceAll('DNS:', '')}`,
    });
  }
  if (problem === 'CERT_HAS_EXPIRED' || problem === 'CERT_NOT_YET_VALID') {
    for (const certificate of chain) {
      const whose = certificate === leaf ? "the server's certificate" : "a CA certificate in the server's chain";
      const fault = expiryFault(`${whose} ${subject(certificate)}`, certificate, nowMs, url);
      if (fault !== undefined) return fault;
    }
    return new Fault('etcd.tls.expired', { what: 'the CA certificate is expired or not yet valid', where: url });
  }
  const issuer = leaf === undefined ? '' : ` ${commonName(leaf.issuer)}`;
  return new Fault('etcd.tls.untrusted', {
    what: `the server's certificate${leaf === undefined ? '' : ` ${subject(leaf)}`} is not signed by a trusted CA`,
    where: url,
    why: `it is signed by${issuer}, which ${caFile ?? 'the list of authorities built into Node'} does not hold (${problem})`,
  });
}

/** A Fault when the certificate is expired or not yet valid at `nowMs`. */
export function expiryFault(
  name: string,
  certificate: X509Certificate,
  nowMs: number,
  where: string | undefined,
): Fault | undefined {
  const from = certificate.validFromDate;
  const to = certificate.validToDate;
  if (nowMs >= from.getTime() && nowMs <= to.getTime()) return undefined;
  const what =
    nowMs > to.getTime()
      ? `${name} expired on ${to.toISOString()}`
      : `${name} is not valid before ${from.toISOString()}`;
  return new Fault('etcd.tls.expired', {
    what,
    ...(where === undefined ? {} : { where }),
    why: `it is now ${new Date(nowMs).toISOString()}`,
  });
}

/** A TLS alert or a protocol error from the other side, by OpenSSL's code; undefined when it is none. */
export function alertFault(error: unknown, url: string, hasClientCertificate: boolean): Fault | undefined {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (!code.startsWith('ERR_SSL') && code !== 'EPROTO') return undefined;
  const where = url;
  if (/CERTIFICATE_REQUIRED/.test(code) || (!hasClientCertificate && /BAD_CERTIFICATE|HANDSHAKE_FAILURE/.test(code))) {
    return new Fault('etcd.tls.client', {
      what: 'etcd wants a client certificate',
      where,
      why: hasClientCertificate ? code : 'none is given',
      cause: error,
    });
  }
  if (/ALERT.*(CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)|UNKNOWN_CA/.test(code)) {
    return new Fault('etcd.tls.client', {
      what: 'etcd refuses the client certificate',
      where,
      why: alertReason(code),
      cause: error,
    });
  }
  if (/WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST|UNEXPECTED_MESSAGE|RECORD/.test(code)) {
    return new Fault('etcd.tls.handshake', {
      what: 'the endpoint does not speak TLS',
      where,
      why: 'it is most likely a plain http:// endpoint',
      remedy: `use ${url.replace('https:', 'http:')}, or give etcd a certificate`,
      cause: error,
    });
  }
  return new Fault('etcd.tls.handshake', { what: 'the TLS handshake failed', where, why: code, cause: error });
}

function alertReason(code: string): string {
  if (code.includes('UNKNOWN_CA')) return 'its CA is not the one that etcd trusts';
  if (code.includes('EXPIRED')) return 'etcd takes it for expired: compare the clocks';
  if (code.includes('REVOKED')) return 'it is revoked';
  if (code.includes('BAD_CERTIFICATE')) return 'it is not signed by the CA that etcd trusts, or not for client use';
  return code;
}

function certificateChain(socket: TLSSocket): X509Certificate[] {
  const chain: X509Certificate[] = [];
  let at = socket.getPeerCertificate(true);
  while (at?.raw !== undefined && chain.length < 10) {
    chain.push(new X509Certificate(at.raw));
    if (at.issuerCertificate === undefined || at.issuerCertificate === at) break;
    at = at.issuerCertificate;
  }
  return chain;
}

function subject(certificate: X509Certificate): string {
  return commonName(certificate.subject);
}

/** `"CN"` out of a name with one attribute a line; the whole name on one line when it has no CN. */
function commonName(name: string): string {
  const match = /^CN=(.*)$/m.exec(name);
  return JSON.stringify(match?.[1] ?? name.replaceAll('\n', ', '));
}
