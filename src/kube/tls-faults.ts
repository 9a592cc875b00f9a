/** Translates what goes wrong in a TLS handshake with an API server into Faults: which certificate, which name, which date. */
import { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { Fault } from '#runtime/fault.ts';

/** The server's certificate failed verification: `authorizationError` of the socket says why. */
export function verificationFault(socket: TLSSocket, host: string, url: string, caName: string | undefined): Fault {
  const problem = String(socket.authorizationError);
  const leaf = leafOf(socket);
  if (problem === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const names = (leaf?.subjectAltName ?? 'no name at all').replaceAll(/IP Address:|DNS:/g, '');
    const what = `the API server's certificate is not for ${host}`;
    return new Fault('kube.tls.name', { what, where: url, why: `it is for ${names}` });
  }
  if (problem === 'CERT_HAS_EXPIRED' || problem === 'CERT_NOT_YET_VALID') {
    const leafExpired = leaf && expiryFault("the API server's certificate", leaf, Date.now(), url);
    const what = 'the CA certificate is expired or not yet valid';
    return leafExpired ?? new Fault('kube.tls.expired', { what, where: url });
  }
  return new Fault('kube.tls.untrusted', {
    what: "the API server's certificate is not signed by a trusted CA",
    where: url,
    why: `it is signed by ${commonName(leaf?.issuer)}, which ${caName ?? 'the list of authorities built into Node'} does not hold (${problem})`,
  });
}

/** A Fault when the certificate is expired or not yet valid at `nowMs`. */
export function expiryFault(
  name: string,
  certificate: X509Certificate,
  nowMs: number,
  where: string,
): Fault | undefined {
  const { validFromDate: from, validToDate: to } = certificate;
  const isOver = nowMs > to.getTime();
  if (!isOver && nowMs >= from.getTime()) return undefined;
  const when = isOver ? `expired on ${to.toISOString()}` : `is not valid before ${from.toISOString()}`;
  const what = `${name} ${commonName(certificate.subject)} ${when}`;
  return new Fault('kube.tls.expired', { what, where, why: `it is now ${new Date(nowMs).toISOString()}` });
}

/** A TLS alert or a protocol error from the other side, by OpenSSL's code; undefined when it is none. */
export function alertFault(code: string, error: unknown, url: string): Fault | undefined {
  if (!code.startsWith('ERR_SSL') && code !== 'EPROTO') return undefined;
  const detail = { where: url, why: code, cause: error };
  if (/CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED/.test(code)) {
    return new Fault('kube.tls.client', { ...detail, what: 'the API server refuses the client certificate' });
  }
  if (/WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST|UNEXPECTED_MESSAGE|RECORD/.test(code)) {
    const what = 'the API server does not speak TLS';
    return new Fault('kube.tls.handshake', { ...detail, what, why: 'it is most likely a plain http:// endpoint' });
  }
  return new Fault('kube.tls.handshake', { ...detail, what: 'the TLS handshake failed' });
}

function leafOf(socket: TLSSocket): X509Certificate | undefined {
  const { raw } = socket.getPeerCertificate();
  return raw === undefined ? undefined : new X509Certificate(raw);
}

/** `"CN"` out of a name with one attribute a line; the whole name on one line when it has no CN. */
function commonName(name = ''): string {
  return JSON.stringify(/^CN=(.*)$/m.exec(name)?.[1] ?? name.replaceAll('\n', ', '));
}
